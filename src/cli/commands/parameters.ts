/** The options of the algorithm's parameters. */
export const PARAMETER_OPTIONS = {
  preset: {
    value: "NAME",
    choices: ["edge", "reference", "paper", "reproduction"],
    help: "edge (default), reference, paper or reproduction; what follows replaces one value of it",
  },
  layers: { value: "A,B", help: "outputs of the backbone, shallowest first, default layer2,layer3" },
  size: { value: "N", help: "the network's input is N × N pixels, edge: 320" },
  resize: {
    value: "HOW",
    help: "stretch:WxH, the whole region; crop:S:WxH, the shorter side to S and the middle of it",
  },
  kernel: { value: "KERNEL", choices: ["linear", "bicubic"], help: "linear or bicubic" },
  neighbourhood: { value: "HOW", help: "average:P, average:P:unpadded or unfold:P, P 1, 3 or 5" },
  join: { value: "HOW", help: "concat, concat:adaptive-pooling or adaptive:D1:D2" },
  detail: {
    value: "HOW",
    help: "none or SHARE:EXPONENT:SHRINKAGE, what the first layer keeps beside the mean: 0.5:0.5:0.05",
  },
  coreset: { value: "METHOD", choices: ["greedy", "random"], help: "greedy or random" },
  projection: { value: "HOW", help: "none, gaussian:DIMS, linear-untrained:DIMS or sparse:EPS" },
  start: {
    value: "RULE",
    choices: ["farthest-from-mean", "mean-distance-to-10-random", "first-row"],
    help: "farthest-from-mean, mean-distance-to-10-random or first-row",
  },
  ratio: { value: "R", help: "share of the patches that the bank keeps, edge: 0.01" },
  rows: { value: "N", help: "the bank keeps N rows" },
  bytes: { value: "N", help: "the bank's float32 rows take at most N bytes" },
  seed: { value: "N", help: "default 1" },
  "patch-score": {
    value: "HOW",
    help: "euclidean or mean-squared:K, the mean of the squared distances to K rows",
  },
  "image-score": { value: "HOW", help: "maximum, reweighted:B (eq. 7) or reweighted-reproduction:K" },
  smoothing: { value: "HOW", help: "of the anomaly map: gaussian:SIGMA:RADIUS or gaussian-8bit:SIGMA" },
} as const;
