/** A name of the exposition, with all labels that its samples have. */
export interface Family {
  readonly name: string;
  readonly kind: "counter" | "gauge" | "histogram";
  readonly help: string;
  readonly labels: readonly string[];
  /** Upper bounds of a histogram, ascending. */
  readonly buckets?: readonly number[];
}

/** Seconds: from what a single stage takes to what a deadline may be. */
const DURATION_BUCKETS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1, 2, 5];
/** Score / threshold: finest where verdicts change. */
const RATIO_BUCKETS = [0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 1, 1.05, 1.1, 1.25, 1.5, 2, 3, 5];

/**
 * Everything that is exported, once: `/metrics`, docs/metrics.md and the tests of dashboard and rules go by this table.
 * `station` is `line/name`. No label holds what comes from outside (part ids, recipes, texts of errors), so that the number
 * of series is bounded by the configuration.
 */
export const FAMILIES = {
  info: gauge("nominald_info", "1; who this is, and the versions of nominald and Node", [
    ...["site", "device", "version", "node"],
  ]),
  startTime: gauge("nominald_start_time_seconds", "Unix time at which the daemon's process began"),
  cpu: counter("nominald_cpu_seconds_total", "Processor time of the daemon's process, children not counted"),
  memory: gauge(
    "nominald_resident_memory_bytes",
    "Memory of each process: daemon, inference, and a capture process a station (station is empty for the others)",
    ["process", "station"],
  ),
  loop: gauge(
    "nominald_event_loop_delay_seconds",
    "How late the daemon's event loop was in the last full minute; percentile 100 is the maximum",
    ["percentile"],
  ),
  storeReady: gauge("nominald_store_ready", "1: results are kept on the disk; 0: they go on without it"),
  storeWaiting: gauge("nominald_store_waiting_changes", "Changes that wait for the disk"),
  storeWrites: counter("nominald_store_writes_total", "Transactions that were written"),
  storeSeconds: counter("nominald_store_write_seconds_total", "Time that the disk took for them"),
  storeLost: counter("nominald_store_lost_changes_total", "Changes that could not be written"),
  restarts: counter(
    "nominald_child_restarts_total",
    "Starts of a child process after its first, those on purpose included (child: capture, inference)",
    ["child", "station"],
  ),
  brokerConnected: gauge(
    "nominald_broker_connected",
    "1: the connection to the broker stands; the device's own is station _device",
    ["station"],
  ),
  brokerConnects: counter("nominald_broker_connects_total", "Connections to the broker that stood", ["station"]),

  hostMemory: gauge(
    "nominald_host_memory_available_bytes",
    "Memory that is left to the daemon, of the machine or of its control group; no sample where nothing tells",
    [],
  ),
  hostDisk: gauge(
    "nominald_host_disk_free_bytes",
    "Free on the disk of stateFolder; no sample where nothing tells",
    [],
  ),
  hostTemperature: gauge("nominald_host_temperature_celsius", "The hottest sensor; no sample without one", []),
  uncleanEnds: counter("nominald_unclean_ends_total", "Runs of the daemon that did not end in order, ever", []),

  ready: gauge("nominald_station_ready", "1: the station gives verdicts and delivers them, as /readyz says", [
    "station",
  ]),
  state: gauge("nominald_station_state", "1 for the state that plc/state shows, 0 for the others", [
    ...["station", "state"],
  ]),
  fault: gauge("nominald_station_fault", "1 while the fault stands; code as in docs/mqtt.md", [
    ...["station", "code", "fault"],
  ]),
  camera: gauge("nominald_camera_up", "1: the camera plays", ["station"]),
  bankInfo: gauge("nominald_bank_info", "1 for the active memory bank; no sample without one", [
    ...["station", "bank", "backbone", "index", "provider"],
  ]),
  bankRows: gauge("nominald_bank_rows", "Rows of the active memory bank", ["station"]),
  threshold: gauge("nominald_bank_threshold", "Image scores above it are FAIL", ["station"]),

  verdicts: counter("nominald_verdicts_total", "Outcomes by verdict, those of NO_VERDICT by reason (else none)", [
    ...["station", "verdict", "reason"],
  ]),
  deadlineMisses: counter("nominald_deadline_misses_total", "Parts whose score was not there at the deadline", [
    "station",
  ]),
  lateScores: counter("nominald_late_scores_total", "Scores that came after their part's outcome", ["station"]),
  verdictLatency: histogram(
    "nominald_verdict_latency_seconds",
    "From the trigger, or from the capture where frames are parts, to the decision, of scored parts",
    ["station"],
    DURATION_BUCKETS,
  ),
  stage: histogram(
    "nominald_stage_duration_seconds",
    "Time of each stage: frame (trigger to capture), read, resize, backbone, search, score, map, encode, publish",
    ["station", "stage"],
    DURATION_BUCKETS,
  ),
  scoreRatio: histogram(
    "nominald_score_threshold_ratio",
    "Image score / threshold of scored parts; above 1 is FAIL. Known bad parts that are shown on purpose are left out",
    ["station"],
    RATIO_BUCKETS,
  ),
  triggersRefused: counter("nominald_triggers_refused_total", "Triggers that were not accepted, by reason", [
    ...["station", "reason"],
  ]),
  triggersRepeated: counter("nominald_triggers_repeated_total", "Triggers that came again", ["station"]),
  messagesIgnored: counter("nominald_messages_ignored_total", "Messages that changed nothing, by why", [
    ...["station", "why"],
  ]),
  frames: counter("nominald_frames_total", "Frames that the camera delivered", ["station"]),

  queue: gauge(
    "nominald_queue_depth",
    "What waits: part (accepted, without outcome), frame (in a slot), result and record (in the outbox)",
    ["station", "queue"],
  ),
  dropped: counter(
    "nominald_dropped_total",
    "What gave way: frame (nobody waited for it), slot (a frame that found no slot free), result, record, picture, tag, " +
      "heartbeat, answer",
    ["station", "item"],
  ),
  refused: counter("nominald_publications_refused_total", "Publications that the broker's access rules refused", [
    "station",
  ]),
} as const satisfies Readonly<Record<string, Family>>;

export type FamilyName = keyof typeof FAMILIES;

function counter(name: string, help: string, labels: readonly string[] = []): Family {
  return { name, kind: "counter", help, labels };
}

function gauge(name: string, help: string, labels: readonly string[] = []): Family {
  return { name, kind: "gauge", help, labels };
}

function histogram(name: string, help: string, labels: readonly string[], buckets: readonly number[]): Family {
  return { name, kind: "histogram", help, labels, buckets };
}
