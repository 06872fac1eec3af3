# Made by npm run docs from src/cli/commands; changes belong there.
complete -c nominald -f -n __fish_use_subcommand -a run -d 'the daemon'
complete -c nominald -f -n __fish_use_subcommand -a fit -d 'build a memory bank from pictures of good parts'
complete -c nominald -f -n __fish_use_subcommand -a bank -d 'a bank\'s threshold without refitting'
complete -c nominald -f -n __fish_use_subcommand -a score -d 'score images'
complete -c nominald -f -n __fish_use_subcommand -a eval -d 'measure a bank on labelled images'
complete -c nominald -f -n __fish_use_subcommand -a reproduce -d 'the paper\'s tables on a data set in MVTec\'s layout'
complete -c nominald -f -n __fish_use_subcommand -a config -d 'configurations'
complete -c nominald -f -n __fish_use_subcommand -a models -d 'backbones'
complete -c nominald -f -n __fish_use_subcommand -a push -d 'send a signed configuration or bank'
complete -c nominald -f -n __fish_use_subcommand -a keys -d 'keys of signed pushes'
complete -c nominald -f -n __fish_use_subcommand -a doctor -d 'what is wrong with this device and what to do'
complete -c nominald -f -n __fish_use_subcommand -a capture -d 'cameras without a bank'
complete -c nominald -f -n __fish_use_subcommand -a install -d 'set this program up as a systemd service'
complete -c nominald -f -n __fish_use_subcommand -a demo -d 'parts pass a synthetic camera: the whole program on this machine'
complete -c nominald -n '__fish_seen_subcommand_from run' -f
complete -c nominald -n '__fish_seen_subcommand_from run' -l config -d 'YAML or JSON; NOMINALD_… variables override its values' -r -F
complete -c nominald -n '__fish_seen_subcommand_from run' -l help -d 'this text'
complete -c nominald -n '__fish_seen_subcommand_from fit' -f
complete -c nominald -n '__fish_seen_subcommand_from fit' -l images -d 'the folder of nominal images' -r -f -a '(__fish_complete_directories)'
complete -c nominald -n '__fish_seen_subcommand_from fit' -l known-bad -d 'pictures of bad parts; the bank carries a few, and no device takes it that lets them PASS' -r -f -a '(__fish_complete_directories)'
complete -c nominald -n '__fish_seen_subcommand_from fit' -l out -d 'the bank to write; with --config, default: the station\'s bank' -r -F
complete -c nominald -n '__fish_seen_subcommand_from fit' -l config -d 'take region, rotation, index, threads and models folders from this configuration' -r -F
complete -c nominald -n '__fish_seen_subcommand_from fit' -l station -d 'the station in it; needed when it has several' -x
complete -c nominald -n '__fish_seen_subcommand_from fit' -l name -d 'the bank\'s name, default: the station\'s name, or that of the bank\'s file' -x
complete -c nominald -n '__fish_seen_subcommand_from fit' -l backbone -d 'default efficientnet-lite0' -x
complete -c nominald -n '__fish_seen_subcommand_from fit' -l preset -d 'edge (default), reference, paper or reproduction; what follows replaces one value of it' -x -a 'edge reference paper reproduction'
complete -c nominald -n '__fish_seen_subcommand_from fit' -l layers -d 'outputs of the backbone, shallowest first, default layer2,layer3' -x
complete -c nominald -n '__fish_seen_subcommand_from fit' -l size -d 'the network\'s input is N × N pixels, edge: 320' -x
complete -c nominald -n '__fish_seen_subcommand_from fit' -l resize -d 'stretch:WxH, the whole region; crop:S:WxH, the shorter side to S and the middle of it' -x
complete -c nominald -n '__fish_seen_subcommand_from fit' -l kernel -d 'linear or bicubic' -x -a 'linear bicubic'
complete -c nominald -n '__fish_seen_subcommand_from fit' -l neighbourhood -d 'average:P, average:P:unpadded or unfold:P, P 1, 3 or 5' -x
complete -c nominald -n '__fish_seen_subcommand_from fit' -l join -d 'concat, concat:adaptive-pooling or adaptive:D1:D2' -x
complete -c nominald -n '__fish_seen_subcommand_from fit' -l detail -d 'none or SHARE:EXPONENT:SHRINKAGE, what the first layer keeps beside the mean: 0.5:0.5:0.05' -x
complete -c nominald -n '__fish_seen_subcommand_from fit' -l coreset -d 'greedy or random' -x -a 'greedy random'
complete -c nominald -n '__fish_seen_subcommand_from fit' -l projection -d 'none, gaussian:DIMS, linear-untrained:DIMS or sparse:EPS' -x
complete -c nominald -n '__fish_seen_subcommand_from fit' -l start -d 'farthest-from-mean, mean-distance-to-10-random or first-row' -x -a 'farthest-from-mean mean-distance-to-10-random first-row'
complete -c nominald -n '__fish_seen_subcommand_from fit' -l ratio -d 'share of the patches that the bank keeps, edge: 0.01' -x
complete -c nominald -n '__fish_seen_subcommand_from fit' -l rows -d 'the bank keeps N rows' -x
complete -c nominald -n '__fish_seen_subcommand_from fit' -l bytes -d 'the bank\'s float32 rows take at most N bytes' -x
complete -c nominald -n '__fish_seen_subcommand_from fit' -l seed -d 'default 1' -x
complete -c nominald -n '__fish_seen_subcommand_from fit' -l patch-score -d 'euclidean or mean-squared:K, the mean of the squared distances to K rows' -x
complete -c nominald -n '__fish_seen_subcommand_from fit' -l image-score -d 'maximum, reweighted:B (eq. 7) or reweighted-reproduction:K' -x
complete -c nominald -n '__fish_seen_subcommand_from fit' -l smoothing -d 'of the anomaly map: gaussian:SIGMA:RADIUS or gaussian-8bit:SIGMA' -x
complete -c nominald -n '__fish_seen_subcommand_from fit' -l false-reject-rate -d 'share of good parts that may fail, default 0.001' -x
complete -c nominald -n '__fish_seen_subcommand_from fit' -l calibration -d 'masked: one coreset, own rows left out; per-fold: one for each of 5, default for small fits' -x -a 'masked per-fold'
complete -c nominald -n '__fish_seen_subcommand_from fit' -l index -d 'auto, exact or hnsw, default auto' -x -a 'auto exact hnsw'
complete -c nominald -n '__fish_seen_subcommand_from fit' -l region -d 'part of the frame, pixels, default the whole frame' -x
complete -c nominald -n '__fish_seen_subcommand_from fit' -l part-region -d 'where the part lies, pixels: a frame that is as empty there as no good one shows no part' -x
complete -c nominald -n '__fish_seen_subcommand_from fit' -l rotation -d 'clockwise: 0, 90, 180 or 270, default 0' -x -a '0 90 180 270'
complete -c nominald -n '__fish_seen_subcommand_from fit' -l cache -d 'keep patch embeddings in DIR for further fits; default: BANK.embeddings while it fits' -r -f -a '(__fish_complete_directories)'
complete -c nominald -n '__fish_seen_subcommand_from fit' -l no-report -d 'do not write BANK.report.html'
complete -c nominald -n '__fish_seen_subcommand_from fit' -l skip-broken -d 'skip files that are no readable image instead of refusing'
complete -c nominald -n '__fish_seen_subcommand_from fit' -l models -d 'a folder of further backbones (may be repeated)' -r -f -a '(__fish_complete_directories)'
complete -c nominald -n '__fish_seen_subcommand_from fit' -l threads -d 'default: the machine\'s cores, at most 4' -x
complete -c nominald -n '__fish_seen_subcommand_from fit' -l help -d 'this text'
complete -c nominald -f -n '__fish_seen_subcommand_from bank; and not __fish_seen_subcommand_from show threshold' -a show -d 'what the bank is and what its thresholds stand for'
complete -c nominald -n '__fish_seen_subcommand_from bank; and __fish_seen_subcommand_from show' -F
complete -c nominald -n '__fish_seen_subcommand_from bank; and __fish_seen_subcommand_from show' -l json -d 'its manifest'
complete -c nominald -n '__fish_seen_subcommand_from bank; and __fish_seen_subcommand_from show' -l help -d 'this text'
complete -c nominald -f -n '__fish_seen_subcommand_from bank; and not __fish_seen_subcommand_from show threshold' -a threshold -d 'gives the bank other thresholds without refitting: its rows stay, its id changes'
complete -c nominald -n '__fish_seen_subcommand_from bank; and __fish_seen_subcommand_from threshold' -F
complete -c nominald -n '__fish_seen_subcommand_from bank; and __fish_seen_subcommand_from threshold' -l frr -d 'for this false-reject rate, from the nominal images\' scores that the bank holds' -x
complete -c nominald -n '__fish_seen_subcommand_from bank; and __fish_seen_subcommand_from threshold' -l score -d 'this image threshold' -x
complete -c nominald -n '__fish_seen_subcommand_from bank; and __fish_seen_subcommand_from threshold' -l mask -d 'beside --score: this mask threshold, default: as it is' -x
complete -c nominald -n '__fish_seen_subcommand_from bank; and __fish_seen_subcommand_from threshold' -l out -d 'write the changed bank there, default: in BANK\'s place' -r -F
complete -c nominald -n '__fish_seen_subcommand_from bank; and __fish_seen_subcommand_from threshold' -l help -d 'this text'
complete -c nominald -n '__fish_seen_subcommand_from score' -F
complete -c nominald -n '__fish_seen_subcommand_from score' -l bank -d 'the memory bank that nominald fit wrote' -r -F
complete -c nominald -n '__fish_seen_subcommand_from score' -l overlay -d 'write overlay and mask of the Nth FILE into DIR as N-name.overlay.jpg, N-name.mask.png' -r -f -a '(__fish_complete_directories)'
complete -c nominald -n '__fish_seen_subcommand_from score' -l threshold -d 'instead of the bank\'s threshold' -x
complete -c nominald -n '__fish_seen_subcommand_from score' -l index -d 'auto, exact or hnsw' -x -a 'auto exact hnsw'
complete -c nominald -n '__fish_seen_subcommand_from score' -l input -d 'another size of the network\'s input than the bank\'s; give a threshold with it' -x
complete -c nominald -n '__fish_seen_subcommand_from score' -l models -d 'a folder of further backbones (may be repeated)' -r -f -a '(__fish_complete_directories)'
complete -c nominald -n '__fish_seen_subcommand_from score' -l threads -d 'default: the machine\'s cores, at most 4' -x
complete -c nominald -n '__fish_seen_subcommand_from score' -l help -d 'this text'
complete -c nominald -n '__fish_seen_subcommand_from eval' -f
complete -c nominald -n '__fish_seen_subcommand_from eval' -l bank -d 'the memory bank that nominald fit wrote' -r -F
complete -c nominald -n '__fish_seen_subcommand_from eval' -l dataset -d 'MVTec\'s layout: test/good, test/<defect>, ground_truth/<defect>/<name>_mask.png' -r -f -a '(__fish_complete_directories)'
complete -c nominald -n '__fish_seen_subcommand_from eval' -l csv -d 'a list with the header path,label or path,label,mask; label good or the defect\'s name' -r -F
complete -c nominald -n '__fish_seen_subcommand_from eval' -l json -d 'print the evaluation as one JSON document instead of a summary'
complete -c nominald -n '__fish_seen_subcommand_from eval' -l out -d 'write report.html and evaluation.json into DIR' -r -f -a '(__fish_complete_directories)'
complete -c nominald -n '__fish_seen_subcommand_from eval' -l compare -d 'score the same images with a second bank and show which verdicts flip' -r -F
complete -c nominald -n '__fish_seen_subcommand_from eval' -l threshold -d 'instead of the bank\'s threshold' -x
complete -c nominald -n '__fish_seen_subcommand_from eval' -l index -d 'auto, exact or hnsw' -x -a 'auto exact hnsw'
complete -c nominald -n '__fish_seen_subcommand_from eval' -l gallery -d 'pictures of the worst misses and false rejects in the report, default 12 of each' -x
complete -c nominald -n '__fish_seen_subcommand_from eval' -l no-approximation -d 'do not repeat every image with each kind of search'
complete -c nominald -n '__fish_seen_subcommand_from eval' -l models -d 'a folder of further backbones (may be repeated)' -r -f -a '(__fish_complete_directories)'
complete -c nominald -n '__fish_seen_subcommand_from eval' -l threads -d 'default: the machine\'s cores, at most 4' -x
complete -c nominald -n '__fish_seen_subcommand_from eval' -l help -d 'this text'
complete -c nominald -n '__fish_seen_subcommand_from reproduce' -f
complete -c nominald -n '__fish_seen_subcommand_from reproduce' -l root -d 'holds a folder for each class: CLASS/train/good, CLASS/test, CLASS/ground_truth' -r -f -a '(__fish_complete_directories)'
complete -c nominald -n '__fish_seen_subcommand_from reproduce' -l out -d 'results, and reproduction.md, .html and .json; default reproduction' -r -f -a '(__fish_complete_directories)'
complete -c nominald -n '__fish_seen_subcommand_from reproduce' -l classes -d 'default every class of the root' -x
complete -c nominald -n '__fish_seen_subcommand_from reproduce' -l backbones -d 'default wide-resnet50-2,clip-rn50,clip-rn101,clip-rn50x4,clip-rn50x16' -x
complete -c nominald -n '__fish_seen_subcommand_from reproduce' -l train-fraction -d 'shares of the training images: 1, 0.5, 0.25; default 1' -x
complete -c nominald -n '__fish_seen_subcommand_from reproduce' -l subset -d 'first: ⌊n/2⌋ + 1 or ⌊n/4⌋ + 1 by name, as the authors did; random: as many, drawn; default first' -x -a 'first random'
complete -c nominald -n '__fish_seen_subcommand_from reproduce' -l seed -d 'of coresets and drawn sub-sets, default 1' -x
complete -c nominald -n '__fish_seen_subcommand_from reproduce' -l preset -d 'reproduction, reference, paper or edge; default reproduction' -x -a 'edge reference paper reproduction'
complete -c nominald -n '__fish_seen_subcommand_from reproduce' -l ratio -d 'share of the patches that a bank keeps, instead of the preset\'s' -x
complete -c nominald -n '__fish_seen_subcommand_from reproduce' -l size -d 'side of the network\'s input, instead of what the backbone prefers' -x
complete -c nominald -n '__fish_seen_subcommand_from reproduce' -l models -d 'a folder of further backbones (may be repeated)' -r -f -a '(__fish_complete_directories)'
complete -c nominald -n '__fish_seen_subcommand_from reproduce' -l threads -d 'default: the machine\'s cores, at most 4' -x
complete -c nominald -n '__fish_seen_subcommand_from reproduce' -l ablate-ratio -d 'shares of the patches, e.g. 1,0.1,0.01' -x
complete -c nominald -n '__fish_seen_subcommand_from reproduce' -l ablate-coreset -d 'greedy, random' -x
complete -c nominald -n '__fish_seen_subcommand_from reproduce' -l ablate-layers -d '2, 3, 2+3' -x
complete -c nominald -n '__fish_seen_subcommand_from reproduce' -l ablate-neighbourhood -d '1, 3, 5' -x
complete -c nominald -n '__fish_seen_subcommand_from reproduce' -l ablate-b -d 'rows of the reweighting, e.g. 1,3,9; 1 is no reweighting' -x
complete -c nominald -n '__fish_seen_subcommand_from reproduce' -l help -d 'this text'
complete -c nominald -f -n '__fish_seen_subcommand_from config; and not __fish_seen_subcommand_from check print schema' -a check -d 'check a configuration; lists every problem'
complete -c nominald -n '__fish_seen_subcommand_from config; and __fish_seen_subcommand_from check' -F
complete -c nominald -n '__fish_seen_subcommand_from config; and __fish_seen_subcommand_from check' -l help -d 'this text'
complete -c nominald -f -n '__fish_seen_subcommand_from config; and not __fish_seen_subcommand_from check print schema' -a print -d 'print it as it takes effect: defaults, the file, what was pushed, the environment'
complete -c nominald -n '__fish_seen_subcommand_from config; and __fish_seen_subcommand_from print' -F
complete -c nominald -n '__fish_seen_subcommand_from config; and __fish_seen_subcommand_from print' -l origin -d 'say where each value comes from'
complete -c nominald -n '__fish_seen_subcommand_from config; and __fish_seen_subcommand_from print' -l help -d 'this text'
complete -c nominald -f -n '__fish_seen_subcommand_from config; and not __fish_seen_subcommand_from check print schema' -a schema -d 'print its JSON Schema'
complete -c nominald -n '__fish_seen_subcommand_from config; and __fish_seen_subcommand_from schema' -f
complete -c nominald -n '__fish_seen_subcommand_from config; and __fish_seen_subcommand_from schema' -l help -d 'this text'
complete -c nominald -f -n '__fish_seen_subcommand_from models; and not __fish_seen_subcommand_from check list quantize' -a check -d 'compare a backbone\'s manifest with its ONNX file'
complete -c nominald -n '__fish_seen_subcommand_from models; and __fish_seen_subcommand_from check' -F
complete -c nominald -n '__fish_seen_subcommand_from models; and __fish_seen_subcommand_from check' -l help -d 'this text'
complete -c nominald -f -n '__fish_seen_subcommand_from models; and not __fish_seen_subcommand_from check list quantize' -a list -d 'the backbones that come with nominald, and those in further folders'
complete -c nominald -n '__fish_seen_subcommand_from models; and __fish_seen_subcommand_from list' -f
complete -c nominald -n '__fish_seen_subcommand_from models; and __fish_seen_subcommand_from list' -l models -d 'a folder of further backbones (may be repeated)' -r -f -a '(__fish_complete_directories)'
complete -c nominald -n '__fish_seen_subcommand_from models; and __fish_seen_subcommand_from list' -l help -d 'this text'
complete -c nominald -f -n '__fish_seen_subcommand_from models; and not __fish_seen_subcommand_from check list quantize' -a quantize -d 'make an int8 backbone and report what it gains and costs'
complete -c nominald -n '__fish_seen_subcommand_from models; and __fish_seen_subcommand_from quantize' -f
complete -c nominald -n '__fish_seen_subcommand_from models; and __fish_seen_subcommand_from quantize' -l backbone -d 'the float32 backbone' -x
complete -c nominald -n '__fish_seen_subcommand_from models; and __fish_seen_subcommand_from quantize' -l images -d 'nominal images (or --calibration-images of them, evenly spread)' -r -f -a '(__fish_complete_directories)'
complete -c nominald -n '__fish_seen_subcommand_from models; and __fish_seen_subcommand_from quantize' -l out -d 'the models folder that gets the new backbone' -r -f -a '(__fish_complete_directories)'
complete -c nominald -n '__fish_seen_subcommand_from models; and __fish_seen_subcommand_from quantize' -l models -d 'a folder of further backbones (may be repeated)' -r -f -a '(__fish_complete_directories)'
complete -c nominald -n '__fish_seen_subcommand_from models; and __fish_seen_subcommand_from quantize' -l size -d 'sides of the square that images are stretched to; default: as the manifest prefers, or 320' -x
complete -c nominald -n '__fish_seen_subcommand_from models; and __fish_seen_subcommand_from quantize' -l layers -d 'outputs that the report compares, default layer2,layer3' -x
complete -c nominald -n '__fish_seen_subcommand_from models; and __fish_seen_subcommand_from quantize' -l range -d 'minmax, or percentile:P to clip what lies outside the central P %; default minmax' -x
complete -c nominald -n '__fish_seen_subcommand_from models; and __fish_seen_subcommand_from quantize' -l weight-bits -d '8, or 7 for processors without VNNI; default: what this machine\'s processor needs' -x -a '7 8'
complete -c nominald -n '__fish_seen_subcommand_from models; and __fish_seen_subcommand_from quantize' -l calibration-images -d 'default 100' -x
complete -c nominald -n '__fish_seen_subcommand_from models; and __fish_seen_subcommand_from quantize' -l dataset -d 'train/good, test/good, test/<defect>: also report image AUROC before and after' -r -f -a '(__fish_complete_directories)'
complete -c nominald -n '__fish_seen_subcommand_from models; and __fish_seen_subcommand_from quantize' -l train-images -d 'of the dataset\'s, for the report, default 100' -x
complete -c nominald -n '__fish_seen_subcommand_from models; and __fish_seen_subcommand_from quantize' -l threads -d 'default: the machine\'s cores, at most 4' -x
complete -c nominald -n '__fish_seen_subcommand_from models; and __fish_seen_subcommand_from quantize' -l help -d 'this text'
complete -c nominald -f -n '__fish_seen_subcommand_from push; and not __fish_seen_subcommand_from config bank' -a config -d 'send a signed configuration'
complete -c nominald -n '__fish_seen_subcommand_from push; and __fish_seen_subcommand_from config' -F
complete -c nominald -n '__fish_seen_subcommand_from push; and __fish_seen_subcommand_from config' -l to -d 'the broker, mqtt:// or mqtts://' -x
complete -c nominald -n '__fish_seen_subcommand_from push; and __fish_seen_subcommand_from config' -l station -d 'the station; + stands for any line or any name (line1/+) (may be repeated)' -x
complete -c nominald -n '__fish_seen_subcommand_from push; and __fish_seen_subcommand_from config' -l device -d 'instead of --station, for what is device-wide' -x
complete -c nominald -n '__fish_seen_subcommand_from push; and __fish_seen_subcommand_from config' -l key -d 'the key that signs, of nominald keys generate; the device trusts it with role config' -r -F
complete -c nominald -n '__fish_seen_subcommand_from push; and __fish_seen_subcommand_from config' -l dry-run -d 'ask the device what would change, and change nothing'
complete -c nominald -n '__fish_seen_subcommand_from push; and __fish_seen_subcommand_from config' -l site -d 'when several sites have a station of that name' -x
complete -c nominald -n '__fish_seen_subcommand_from push; and __fish_seen_subcommand_from config' -l confirm-at -d 'a configuration that moves the device to another broker: that broker' -x
complete -c nominald -n '__fish_seen_subcommand_from push; and __fish_seen_subcommand_from config' -l username -d 'for the broker' -x
complete -c nominald -n '__fish_seen_subcommand_from push; and __fish_seen_subcommand_from config' -l password-file -d 'holds the password for the broker' -r -F
complete -c nominald -n '__fish_seen_subcommand_from push; and __fish_seen_subcommand_from config' -l ca-file -d 'certificate authorities, PEM' -r -F
complete -c nominald -n '__fish_seen_subcommand_from push; and __fish_seen_subcommand_from config' -l timeout -d 'how long to wait for the end, seconds, default 180' -x
complete -c nominald -n '__fish_seen_subcommand_from push; and __fish_seen_subcommand_from config' -l unsigned -d 'instead of --key, for a device with security.allowUnsigned'
complete -c nominald -n '__fish_seen_subcommand_from push; and __fish_seen_subcommand_from config' -l canary -d 'these go first, N stations, or N% of all' -x
complete -c nominald -n '__fish_seen_subcommand_from push; and __fish_seen_subcommand_from config' -l then -d 'the next wave, when the one before has ended well; without one the rest is left alone (may be repeated)' -x
complete -c nominald -n '__fish_seen_subcommand_from push; and __fish_seen_subcommand_from config' -l halt-on -d 'of rolled_back, refused, failed, timeout, offline: nobody gets it after that; default all of them. A wave in which no station took it always ends the rollout' -x
complete -c nominald -n '__fish_seen_subcommand_from push; and __fish_seen_subcommand_from config' -l parallel -d 'so many stations at a time, default 4' -x
complete -c nominald -n '__fish_seen_subcommand_from push; and __fish_seen_subcommand_from config' -l state -d 'what each station did; default FILE.rollout.json beside what is sent. The same command goes on by it: stations that took it are left alone, the others are tried again' -r -F
complete -c nominald -n '__fish_seen_subcommand_from push; and __fish_seen_subcommand_from config' -l help -d 'this text'
complete -c nominald -f -n '__fish_seen_subcommand_from push; and not __fish_seen_subcommand_from config bank' -a bank -d 'send a signed bank'
complete -c nominald -n '__fish_seen_subcommand_from push; and __fish_seen_subcommand_from bank' -F
complete -c nominald -n '__fish_seen_subcommand_from push; and __fish_seen_subcommand_from bank' -l to -d 'the broker: mqtt://HOST:PORT or mqtts://HOST:PORT' -x
complete -c nominald -n '__fish_seen_subcommand_from push; and __fish_seen_subcommand_from bank' -l station -d 'the station; + stands for any line or any name (line1/+) (may be repeated)' -x
complete -c nominald -n '__fish_seen_subcommand_from push; and __fish_seen_subcommand_from bank' -l site -d 'needed where several sites on the broker have such a station' -x
complete -c nominald -n '__fish_seen_subcommand_from push; and __fish_seen_subcommand_from bank' -l key -d 'a key of role bank that the station trusts (nominald keys)' -r -F
complete -c nominald -n '__fish_seen_subcommand_from push; and __fish_seen_subcommand_from bank' -l unsigned -d 'no key; only for stations with security.allowUnsigned'
complete -c nominald -n '__fish_seen_subcommand_from push; and __fish_seen_subcommand_from bank' -l url -d 'where a station finds the very file BANK; it takes it from there, if its delivery.httpsHosts has the host' -x
complete -c nominald -n '__fish_seen_subcommand_from push; and __fish_seen_subcommand_from bank' -l models -d 'a folder of further backbones (may be repeated)' -r -f -a '(__fish_complete_directories)'
complete -c nominald -n '__fish_seen_subcommand_from push; and __fish_seen_subcommand_from bank' -l until -d 'probation or committed: wait for no more than this, default committed' -x -a 'probation committed'
complete -c nominald -n '__fish_seen_subcommand_from push; and __fish_seen_subcommand_from bank' -l shadow -d 'one station: beside the bank at work it scores the same frames and gives no verdict; wait until it has scored N parts, and say what it would have decided. It goes on until it is promoted or withdrawn' -x
complete -c nominald -n '__fish_seen_subcommand_from push; and __fish_seen_subcommand_from bank' -l shadow-for -d 'wait for no more than S seconds of that, default 86400' -x
complete -c nominald -n '__fish_seen_subcommand_from push; and __fish_seen_subcommand_from bank' -l promote -d 'one station: the bank in shadow goes to work, on probation as any'
complete -c nominald -n '__fish_seen_subcommand_from push; and __fish_seen_subcommand_from bank' -l rollback -d 'back to the bank before'
complete -c nominald -n '__fish_seen_subcommand_from push; and __fish_seen_subcommand_from bank' -l withdraw -d 'give up the delivery that is under way, or the bank in shadow'
complete -c nominald -n '__fish_seen_subcommand_from push; and __fish_seen_subcommand_from bank' -l username -d 'for the broker' -x
complete -c nominald -n '__fish_seen_subcommand_from push; and __fish_seen_subcommand_from bank' -l password-file -d 'holds the password for the broker' -r -F
complete -c nominald -n '__fish_seen_subcommand_from push; and __fish_seen_subcommand_from bank' -l ca -d 'certificate authorities, PEM' -r -F
complete -c nominald -n '__fish_seen_subcommand_from push; and __fish_seen_subcommand_from bank' -l canary -d 'these go first, N stations, or N% of all' -x
complete -c nominald -n '__fish_seen_subcommand_from push; and __fish_seen_subcommand_from bank' -l then -d 'the next wave, when the one before has ended well; without one the rest is left alone (may be repeated)' -x
complete -c nominald -n '__fish_seen_subcommand_from push; and __fish_seen_subcommand_from bank' -l halt-on -d 'of rolled_back, refused, failed, timeout, offline: nobody gets it after that; default all of them. A wave in which no station took it always ends the rollout' -x
complete -c nominald -n '__fish_seen_subcommand_from push; and __fish_seen_subcommand_from bank' -l parallel -d 'so many stations at a time, default 4' -x
complete -c nominald -n '__fish_seen_subcommand_from push; and __fish_seen_subcommand_from bank' -l state -d 'what each station did; default FILE.rollout.json beside what is sent. The same command goes on by it: stations that took it are left alone, the others are tried again' -r -F
complete -c nominald -n '__fish_seen_subcommand_from push; and __fish_seen_subcommand_from bank' -l timeout -d 'a station that has not ended by then counts as timeout, default 3600' -x
complete -c nominald -n '__fish_seen_subcommand_from push; and __fish_seen_subcommand_from bank' -l help -d 'this text'
complete -c nominald -f -n '__fish_seen_subcommand_from keys; and not __fish_seen_subcommand_from generate trust list revoke rearm' -a generate -d 'on the engineer\'s machine: a key that signs in FILE (keep it secret), its public half in FILE.pub'
complete -c nominald -n '__fish_seen_subcommand_from keys; and __fish_seen_subcommand_from generate' -f
complete -c nominald -n '__fish_seen_subcommand_from keys; and __fish_seen_subcommand_from generate' -l out -d 'the new key; a file that is there is kept' -r -F
complete -c nominald -n '__fish_seen_subcommand_from keys; and __fish_seen_subcommand_from generate' -l help -d 'this text'
complete -c nominald -f -n '__fish_seen_subcommand_from keys; and not __fish_seen_subcommand_from generate trust list revoke rearm' -a trust -d 'at the device: accept what the key signs. The first key arms the counters that stop replays'
complete -c nominald -n '__fish_seen_subcommand_from keys; and __fish_seen_subcommand_from trust' -F
complete -c nominald -n '__fish_seen_subcommand_from keys; and __fish_seen_subcommand_from trust' -l state -d 'the daemon\'s stateFolder' -r -f -a '(__fish_complete_directories)'
complete -c nominald -n '__fish_seen_subcommand_from keys; and __fish_seen_subcommand_from trust' -l role -d 'what it may sign: config or bank (may be repeated)' -x -a 'config bank'
complete -c nominald -n '__fish_seen_subcommand_from keys; and __fish_seen_subcommand_from trust' -l label -d 'whose it is, at most 80 characters' -x
complete -c nominald -n '__fish_seen_subcommand_from keys; and __fish_seen_subcommand_from trust' -l help -d 'this text'
complete -c nominald -f -n '__fish_seen_subcommand_from keys; and not __fish_seen_subcommand_from generate trust list revoke rearm' -a list -d 'the keys of the device with their ids, roles and times, and whether pushes are armed'
complete -c nominald -n '__fish_seen_subcommand_from keys; and __fish_seen_subcommand_from list' -f
complete -c nominald -n '__fish_seen_subcommand_from keys; and __fish_seen_subcommand_from list' -l state -d 'the daemon\'s stateFolder' -r -f -a '(__fish_complete_directories)'
complete -c nominald -n '__fish_seen_subcommand_from keys; and __fish_seen_subcommand_from list' -l json -d 'one JSON document instead of lines'
complete -c nominald -n '__fish_seen_subcommand_from keys; and __fish_seen_subcommand_from list' -l help -d 'this text'
complete -c nominald -f -n '__fish_seen_subcommand_from keys; and not __fish_seen_subcommand_from generate trust list revoke rearm' -a revoke -d 'accept nothing of that key any more, for good'
complete -c nominald -n '__fish_seen_subcommand_from keys; and __fish_seen_subcommand_from revoke' -f
complete -c nominald -n '__fish_seen_subcommand_from keys; and __fish_seen_subcommand_from revoke' -l state -d 'the daemon\'s stateFolder' -r -f -a '(__fish_complete_directories)'
complete -c nominald -n '__fish_seen_subcommand_from keys; and __fish_seen_subcommand_from revoke' -l help -d 'this text'
complete -c nominald -f -n '__fish_seen_subcommand_from keys; and not __fish_seen_subcommand_from generate trust list revoke rearm' -a rearm -d 'after the counters were lost: accept pushes again. A document that was applied before could then be sent again, so change the keys when you do not know why they were lost'
complete -c nominald -n '__fish_seen_subcommand_from keys; and __fish_seen_subcommand_from rearm' -f
complete -c nominald -n '__fish_seen_subcommand_from keys; and __fish_seen_subcommand_from rearm' -l state -d 'the daemon\'s stateFolder' -r -f -a '(__fish_complete_directories)'
complete -c nominald -n '__fish_seen_subcommand_from keys; and __fish_seen_subcommand_from rearm' -l help -d 'this text'
complete -c nominald -n '__fish_seen_subcommand_from doctor' -f
complete -c nominald -n '__fish_seen_subcommand_from doctor' -l config -d 'the daemon\'s configuration' -r -F
complete -c nominald -n '__fish_seen_subcommand_from doctor' -l only -d 'machine, bank, camera, broker (may be repeated)' -x -a 'machine bank camera broker'
complete -c nominald -n '__fish_seen_subcommand_from doctor' -l json -d 'one JSON document instead of lines'
complete -c nominald -n '__fish_seen_subcommand_from doctor' -l help -d 'this text'
complete -c nominald -f -n '__fish_seen_subcommand_from capture; and not __fish_seen_subcommand_from list save watch' -a list -d 'cameras of this machine: V4L2 devices, and GenICam cameras where aravis is installed'
complete -c nominald -n '__fish_seen_subcommand_from capture; and __fish_seen_subcommand_from list' -f
complete -c nominald -n '__fish_seen_subcommand_from capture; and __fish_seen_subcommand_from list' -l help -d 'this text'
complete -c nominald -f -n '__fish_seen_subcommand_from capture; and not __fish_seen_subcommand_from list save watch' -a save -d 'writes frames as PNG files: so a set of nominal images is made'
complete -c nominald -n '__fish_seen_subcommand_from capture; and __fish_seen_subcommand_from save' -f
complete -c nominald -n '__fish_seen_subcommand_from capture; and __fish_seen_subcommand_from save' -l config -d 'a station\'s camera, as the daemon would open it' -r -F
complete -c nominald -n '__fish_seen_subcommand_from capture; and __fish_seen_subcommand_from save' -l station -d 'the station in it; needed when it has several' -x
complete -c nominald -n '__fish_seen_subcommand_from capture; and __fish_seen_subcommand_from save' -l source -d 'instead of --config: v4l2, aravis, csi, rtsp, pipeline, test or folder, with the options of that kind' -x -a 'v4l2 aravis csi rtsp pipeline test folder'
complete -c nominald -n '__fish_seen_subcommand_from capture; and __fish_seen_subcommand_from save' -l device -d 'v4l2: /dev/video0; aravis: name or address; csi: the sensor\'s number' -x
complete -c nominald -n '__fish_seen_subcommand_from capture; and __fish_seen_subcommand_from save' -l features -d 'aravis: GenICam features' -x
complete -c nominald -n '__fish_seen_subcommand_from capture; and __fish_seen_subcommand_from save' -l url -d 'rtsp: the stream' -x
complete -c nominald -n '__fish_seen_subcommand_from capture; and __fish_seen_subcommand_from save' -l username -d 'rtsp: the login' -x
complete -c nominald -n '__fish_seen_subcommand_from capture; and __fish_seen_subcommand_from save' -l password-file -d 'rtsp: holds the password' -r -F
complete -c nominald -n '__fish_seen_subcommand_from capture; and __fish_seen_subcommand_from save' -l pipeline -d 'pipeline: a GStreamer launch string that ends in appsink name=sink' -x
complete -c nominald -n '__fish_seen_subcommand_from capture; and __fish_seen_subcommand_from save' -l path -d 'folder: the pictures' -r -f -a '(__fish_complete_directories)'
complete -c nominald -n '__fish_seen_subcommand_from capture; and __fish_seen_subcommand_from save' -l pattern -d 'test: the pattern of videotestsrc' -x
complete -c nominald -n '__fish_seen_subcommand_from capture; and __fish_seen_subcommand_from save' -l width -d 'pixels' -x
complete -c nominald -n '__fish_seen_subcommand_from capture; and __fish_seen_subcommand_from save' -l height -d 'pixels' -x
complete -c nominald -n '__fish_seen_subcommand_from capture; and __fish_seen_subcommand_from save' -l framerate -d 'frames a second' -x
complete -c nominald -n '__fish_seen_subcommand_from capture; and __fish_seen_subcommand_from save' -l out -d 'where the frames go' -r -f -a '(__fish_complete_directories)'
complete -c nominald -n '__fish_seen_subcommand_from capture; and __fish_seen_subcommand_from save' -l count -d 'how many frames' -x
complete -c nominald -n '__fish_seen_subcommand_from capture; and __fish_seen_subcommand_from save' -l every -d 'between two frames at least, default 0' -x
complete -c nominald -n '__fish_seen_subcommand_from capture; and __fish_seen_subcommand_from save' -l help -d 'this text'
complete -c nominald -f -n '__fish_seen_subcommand_from capture; and not __fish_seen_subcommand_from list save watch' -a watch -d 'frames a second, light, sharpness and dropped frames, once a second until Ctrl-C'
complete -c nominald -n '__fish_seen_subcommand_from capture; and __fish_seen_subcommand_from watch' -f
complete -c nominald -n '__fish_seen_subcommand_from capture; and __fish_seen_subcommand_from watch' -l config -d 'a station\'s camera, as the daemon would open it' -r -F
complete -c nominald -n '__fish_seen_subcommand_from capture; and __fish_seen_subcommand_from watch' -l station -d 'the station in it; needed when it has several' -x
complete -c nominald -n '__fish_seen_subcommand_from capture; and __fish_seen_subcommand_from watch' -l source -d 'instead of --config: v4l2, aravis, csi, rtsp, pipeline, test or folder, with the options of that kind' -x -a 'v4l2 aravis csi rtsp pipeline test folder'
complete -c nominald -n '__fish_seen_subcommand_from capture; and __fish_seen_subcommand_from watch' -l device -d 'v4l2: /dev/video0; aravis: name or address; csi: the sensor\'s number' -x
complete -c nominald -n '__fish_seen_subcommand_from capture; and __fish_seen_subcommand_from watch' -l features -d 'aravis: GenICam features' -x
complete -c nominald -n '__fish_seen_subcommand_from capture; and __fish_seen_subcommand_from watch' -l url -d 'rtsp: the stream' -x
complete -c nominald -n '__fish_seen_subcommand_from capture; and __fish_seen_subcommand_from watch' -l username -d 'rtsp: the login' -x
complete -c nominald -n '__fish_seen_subcommand_from capture; and __fish_seen_subcommand_from watch' -l password-file -d 'rtsp: holds the password' -r -F
complete -c nominald -n '__fish_seen_subcommand_from capture; and __fish_seen_subcommand_from watch' -l pipeline -d 'pipeline: a GStreamer launch string that ends in appsink name=sink' -x
complete -c nominald -n '__fish_seen_subcommand_from capture; and __fish_seen_subcommand_from watch' -l path -d 'folder: the pictures' -r -f -a '(__fish_complete_directories)'
complete -c nominald -n '__fish_seen_subcommand_from capture; and __fish_seen_subcommand_from watch' -l pattern -d 'test: the pattern of videotestsrc' -x
complete -c nominald -n '__fish_seen_subcommand_from capture; and __fish_seen_subcommand_from watch' -l width -d 'pixels' -x
complete -c nominald -n '__fish_seen_subcommand_from capture; and __fish_seen_subcommand_from watch' -l height -d 'pixels' -x
complete -c nominald -n '__fish_seen_subcommand_from capture; and __fish_seen_subcommand_from watch' -l framerate -d 'frames a second' -x
complete -c nominald -n '__fish_seen_subcommand_from capture; and __fish_seen_subcommand_from watch' -l seconds -d 'end by itself after this' -x
complete -c nominald -n '__fish_seen_subcommand_from capture; and __fish_seen_subcommand_from watch' -l json -d 'one JSON object a line'
complete -c nominald -n '__fish_seen_subcommand_from capture; and __fish_seen_subcommand_from watch' -l help -d 'this text'
complete -c nominald -n '__fish_seen_subcommand_from install' -f
complete -c nominald -n '__fish_seen_subcommand_from install' -l systemd -d 'systemd is the one service manager there is; said so that it cannot be done by a slip'
complete -c nominald -n '__fish_seen_subcommand_from install' -l config -d 'becomes /etc/nominald/nominald.yaml where there is none; default: the one that is there, or the example' -r -F
complete -c nominald -n '__fish_seen_subcommand_from install' -l with -d 'a further drop-in: usb3-vision, aravis-packet-socket, argus, gpu, v4l2 (may be repeated)' -x -a 'usb3-vision aravis-packet-socket argus gpu v4l2'
complete -c nominald -n '__fish_seen_subcommand_from install' -l root -d 'set up the system below DIR, an image for example, instead of this one' -r -f -a '(__fish_complete_directories)'
complete -c nominald -n '__fish_seen_subcommand_from install' -l program -d 'where the program lies in that system, default: where this one lies' -r -f -a '(__fish_complete_directories)'
complete -c nominald -n '__fish_seen_subcommand_from install' -l dry-run -d 'say what would be done, and do nothing'
complete -c nominald -n '__fish_seen_subcommand_from install' -l uninstall -d 'stop and disable the service and remove what was installed; configuration, secrets and state stay'
complete -c nominald -n '__fish_seen_subcommand_from install' -l help -d 'this text'
complete -c nominald -n '__fish_seen_subcommand_from demo' -f
complete -c nominald -n '__fish_seen_subcommand_from demo' -l parts -d 'parts that pass the camera, default 60' -x
complete -c nominald -n '__fish_seen_subcommand_from demo' -l out -d 'where overlays, the page and the daemon\'s log go, default demo-out' -r -f -a '(__fish_complete_directories)'
complete -c nominald -n '__fish_seen_subcommand_from demo' -l broker -d 'your broker instead of an embedded one' -x
complete -c nominald -n '__fish_seen_subcommand_from demo' -l images -d 'your own parts in MVTec layout (train/good, test/<defect>) instead of rendered ones' -r -f -a '(__fish_complete_directories)'
complete -c nominald -n '__fish_seen_subcommand_from demo' -l seed -d 'default 1' -x
complete -c nominald -n '__fish_seen_subcommand_from demo' -l help -d 'this text'
