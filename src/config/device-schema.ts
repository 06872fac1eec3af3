import type { DeviceConfig, StationConfig } from "./config.ts";
import { key, requiredKey } from "./key.ts";
import type { KeyTree } from "./key.ts";
import {
  choiceRule,
  flagRule,
  hostListRule,
  httpsHostListRule,
  integerRule,
  ipAddressRule,
  nullable,
  numberRule,
  pathListRule,
  pathRule,
  segmentRule,
  textRule,
} from "./rule.ts";
import type { Rule } from "./rule.ts";

/** Each station is checked by its own schema (station-schema.ts), so that it can have its own twin. */
const stationsRule: Rule<readonly StationConfig[]> = {
  expected: "a list of at least one station",
  accepts: (value): value is readonly StationConfig[] => Array.isArray(value) && value.length > 0,
  // A station's keys have variables of their own; a list of stations as one text would hide typing errors.
  parse: () => undefined,
  json: { type: "array", minItems: 1 },
};

const file = nullable(pathRule);

/** No user and password (they belong into files), no path and no query. */
const BROKER_URL = /^mqtts?:\/\/([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?\/?$/;

/** What holds for the whole device: its identity, broker, inference process and list of stations. */
export const deviceSchema: KeyTree<DeviceConfig> = {
  site: requiredKey(segmentRule, {
    doc: "Name of the plant: second segment after nominal/v1 of every topic.",
    env: "NOMINALD_SITE",
    apply: "local",
  }),
  device: requiredKey(segmentRule, {
    doc: "Name of this computer, unique within the site.",
    env: "NOMINALD_DEVICE",
    apply: "local",
  }),
  stateFolder: key(pathRule, "/var/lib/nominald", {
    doc: "Folder for what must outlive a restart. It must be writable.",
    env: "NOMINALD_STATE_FOLDER",
    apply: "local",
    isPath: true,
  }),
  sharedMemoryFolder: key(pathRule, "/dev/shm", {
    doc: "Folder for the frames' slots; a tmpfs, or every frame is written to the disk.",
    env: "NOMINALD_SHARED_MEMORY_FOLDER",
    apply: "local",
    isPath: true,
  }),
  modelsFolders: key(pathListRule, [], {
    doc: "Folders that are searched for backbones, before those that come with nominald.",
    env: "NOMINALD_MODELS_FOLDERS",
    apply: "local",
    isPath: true,
  }),
  broker: {
    url: key(
      textRule("mqtt://HOST or mqtts://HOST, with :PORT or without, and nothing else", BROKER_URL),
      "mqtt://127.0.0.1:1883",
      {
        doc: "The MQTT broker; mqtts:// for TLS. Without a port 1883 or, with TLS, 8883.",
        env: "NOMINALD_BROKER_URL",
        apply: "restart",
      },
    ),
    version: key(choiceRule("5", "3.1.1"), "5", {
      doc: "Version of MQTT. Write it in quotes: 5 without them is a number.",
      env: "NOMINALD_BROKER_VERSION",
      apply: "restart",
    }),
    username: key(nullable(textRule("a user name, not empty")), null, {
      doc: "User name for the broker.",
      env: "NOMINALD_BROKER_USERNAME",
      apply: "local",
    }),
    passwordFile: key(file, null, {
      doc: "File with the password, or credential:NAME for one of systemd; the password itself never stands here.",
      env: "NOMINALD_BROKER_PASSWORD_FILE",
      apply: "local",
      isPath: true,
    }),
    caFile: key(file, null, {
      doc: "Certificate authorities for the broker's certificate, PEM; null: those of the system.",
      env: "NOMINALD_BROKER_CA_FILE",
      apply: "local",
      isPath: true,
    }),
    certFile: key(file, null, {
      doc: "This client's certificate, PEM; needs keyFile.",
      env: "NOMINALD_BROKER_CERT_FILE",
      apply: "local",
      isPath: true,
    }),
    keyFile: key(file, null, {
      doc: "The private key of certFile, PEM.",
      env: "NOMINALD_BROKER_KEY_FILE",
      apply: "local",
      isPath: true,
    }),
    connectTimeoutMs: key(integerRule({ minimum: 100, maximum: 120_000 }), 10_000, {
      doc: "One attempt to connect takes at most this; then the next one begins.",
      env: "NOMINALD_BROKER_CONNECT_TIMEOUT_MS",
      apply: "restart",
    }),
  },
  inference: {
    processes: key(integerRule({ minimum: 1, maximum: 16 }), 1, {
      doc: "Inference processes that the stations spread over; one that dies is lost for its own stations alone.",
      env: "NOMINALD_INFERENCE_PROCESSES",
      apply: "restart",
    }),
    threads: key(integerRule({ minimum: 1, maximum: 256 }), 2, {
      doc: "Threads of the backbone and of the search, in each process.",
      env: "NOMINALD_INFERENCE_THREADS",
      apply: "restart",
    }),
    spinning: key(flagRule, false, {
      doc: "Let idle threads wait busily: a third less latency for several times the CPU.",
      env: "NOMINALD_INFERENCE_SPINNING",
      apply: "restart",
    }),
    provider: key(choiceRule("cpu", "cuda", "tensorrt"), "cpu", {
      doc: "ONNX Runtime's execution provider; the topic state reports the one that is really in use.",
      env: "NOMINALD_INFERENCE_PROVIDER",
      apply: "restart",
    }),
    allowCpuFallback: key(flagRule, false, {
      doc: "The CPU may stand in, with flag 10, for a provider that cannot be had, where it keeps deadline and takt.",
      env: "NOMINALD_INFERENCE_ALLOW_CPU_FALLBACK",
      apply: "restart",
    }),
    startTimeoutMs: key(integerRule({ minimum: 1_000, maximum: 600_000 }), 30_000, {
      doc: "Starting the inference process, and loading a bank, takes at most this; past it the process is killed.",
      env: "NOMINALD_INFERENCE_START_TIMEOUT_MS",
      apply: "restart",
    }),
    frameTimeoutMs: key(integerRule({ minimum: 100, maximum: 600_000 }), 5_000, {
      doc: "Scoring one frame takes at most this; past it the process is killed and started again.",
      env: "NOMINALD_INFERENCE_FRAME_TIMEOUT_MS",
      apply: "restart",
    }),
  },
  admission: key(choiceRule("refuse", "warn"), "warn", {
    doc: "A station whose takt or deadline cannot be met beside the others: refuse it, or warn in state and log.",
    env: "NOMINALD_ADMISSION",
    apply: "live",
  }),
  history: {
    maxRecords: key(integerRule({ minimum: 100, maximum: 10_000_000 }), 100_000, {
      doc: "Records of parts that are kept on the disk while no broker takes them; about 2 KiB each.",
      env: "NOMINALD_HISTORY_MAX_RECORDS",
      apply: "live",
    }),
    maxRateHz: key(numberRule({ exclusiveMinimum: 0, maximum: 10_000 }), 20, {
      doc: "After an outage so many of them are published in a second, beside the fresh ones.",
      env: "NOMINALD_HISTORY_MAX_RATE_HZ",
      apply: "live",
    }),
  },
  http: {
    enabled: key(flagRule, true, {
      doc: "Serve /metrics for Prometheus, /healthz and /readyz over HTTP.",
      env: "NOMINALD_HTTP_ENABLED",
      apply: "restart",
    }),
    address: key(ipAddressRule, "127.0.0.1", {
      doc: "IP address to listen on; 0.0.0.0 or :: for all of them: then anyone in the network can read.",
      env: "NOMINALD_HTTP_ADDRESS",
      apply: "restart",
    }),
    port: key(integerRule({ minimum: 1, maximum: 65_535 }), 9_747, {
      doc: "The port; one that another program has is a fault that ends nothing else.",
      env: "NOMINALD_HTTP_PORT",
      apply: "restart",
    }),
    hosts: key(hostListRule, [], {
      doc: "Names by which the server may be asked for, beside its address, localhost, 127.0.0.1 and [::1].",
      env: "NOMINALD_HTTP_HOSTS",
      apply: "restart",
    }),
  },
  log: {
    level: key(choiceRule("debug", "info", "warn", "error"), "info", {
      doc: "The least important messages that are logged.",
      env: "NOMINALD_LOG_LEVEL",
      apply: "live",
    }),
  },
  host: {
    minFreeMemoryMebibytes: key(integerRule({ minimum: 0, maximum: 1_048_576 }), 128, {
      doc: "Less memory left, of the computer or of the service's own limit, is a fault in the topic state.",
      env: "NOMINALD_HOST_MIN_FREE_MEMORY_MEBIBYTES",
      apply: "live",
    }),
    minFreeDiskMebibytes: key(integerRule({ minimum: 0, maximum: 1_048_576 }), 256, {
      doc: "Less room on the disk of stateFolder is one.",
      env: "NOMINALD_HOST_MIN_FREE_DISK_MEBIBYTES",
      apply: "live",
    }),
    maxCelsius: key(numberRule({ minimum: 20, maximum: 150 }), 90, {
      doc: "A hotter sensor is one, degrees Celsius.",
      env: "NOMINALD_HOST_MAX_CELSIUS",
      apply: "live",
    }),
  },
  security: {
    allowUnsigned: key(flagRule, false, {
      doc: "Take configurations and banks that nobody signed: whoever may publish may then change the line.",
      env: "NOMINALD_SECURITY_ALLOW_UNSIGNED",
      apply: "local",
    }),
  },
  twin: {
    confirmWithinS: key(integerRule({ minimum: 1, maximum: 3_600 }), 60, {
      doc: "A pushed configuration that loses broker, camera or inference is taken back after so many seconds.",
      env: "NOMINALD_TWIN_CONFIRM_WITHIN_S",
      apply: "local",
    }),
  },
  delivery: {
    maxMebibytes: key(integerRule({ minimum: 1, maximum: 512 }), 256, {
      doc: "The largest bank or backbone that is taken over the broker.",
      env: "NOMINALD_DELIVERY_MAX_MEBIBYTES",
      apply: "local",
    }),
    minFreeMebibytes: key(integerRule({ minimum: 0, maximum: 1_048_576 }), 256, {
      doc: "So much of the disk stays free when one is taken.",
      env: "NOMINALD_DELIVERY_MIN_FREE_MEBIBYTES",
      apply: "local",
    }),
    maxKibibytesPerS: key(integerRule({ minimum: 16, maximum: 1_048_576 }), 2_048, {
      doc: "It comes at no more than so many KiB a second.",
      env: "NOMINALD_DELIVERY_MAX_KIBIBYTES_PER_S",
      apply: "local",
    }),
    httpsHosts: key(httpsHostListRule, [], {
      doc: "Web servers, HOST or HOST:PORT, from which a bank is taken over HTTPS when its offer names one; empty: none.",
      env: "NOMINALD_DELIVERY_HTTPS_HOSTS",
      apply: "local",
    }),
    caFile: key(file, null, {
      doc: "Certificate authorities of those servers, PEM; null: those of the system.",
      env: "NOMINALD_DELIVERY_CA_FILE",
      apply: "local",
      isPath: true,
    }),
    maxDrift: key(numberRule({ exclusiveMinimum: 0, maximum: 1 }), 0.05, {
      doc: "Golden frames may score so far from what the fit found, as a share of the threshold.",
      env: "NOMINALD_DELIVERY_MAX_DRIFT",
      apply: "local",
    }),
    maxMemoryMebibytes: key(integerRule({ minimum: 64, maximum: 1_048_576 }), 4_096, {
      doc: "The inference process may take so much memory with the bank in it.",
      env: "NOMINALD_DELIVERY_MAX_MEMORY_MEBIBYTES",
      apply: "local",
    }),
    probationParts: key(integerRule({ minimum: 1, maximum: 1_000_000 }), 100, {
      doc: "A new bank is on probation for so many parts, or probationS seconds, and taken back when it does worse.",
      env: "NOMINALD_DELIVERY_PROBATION_PARTS",
      apply: "local",
    }),
    probationS: key(integerRule({ minimum: 1, maximum: 604_800 }), 600, {
      doc: "See probationParts.",
      env: "NOMINALD_DELIVERY_PROBATION_S",
      apply: "local",
    }),
    maxNoVerdictRise: key(numberRule({ minimum: 0, maximum: 1 }), 0.05, {
      doc: "On probation the share of NO_VERDICT may be so much above that of the bank before.",
      env: "NOMINALD_DELIVERY_MAX_NO_VERDICT_RISE",
      apply: "local",
    }),
    maxFailRise: key(numberRule({ minimum: 0, maximum: 1 }), 0.2, {
      doc: "The same for the share of FAIL.",
      env: "NOMINALD_DELIVERY_MAX_FAIL_RISE",
      apply: "local",
    }),
    maxLatencyRatio: key(numberRule({ minimum: 1, maximum: 100 }), 2, {
      doc: "The median time to a verdict may be so many times that of the bank before.",
      env: "NOMINALD_DELIVERY_MAX_LATENCY_RATIO",
      apply: "local",
    }),
  },
  stations: requiredKey(stationsRule, {
    doc: "The stations of this device: one camera, one bank, one MQTT identity each.",
    env: null,
    apply: "local",
  }),
};
