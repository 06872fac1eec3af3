# Made by npm run docs from src/cli/commands; changes belong there.
_nominald() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} name=${COMP_WORDS[1]} at=2
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    COMPREPLY=($(compgen -W "run fit bank score eval reproduce config models push keys doctor capture install demo help --help --version" -- "$word"))
    return
  fi
  case $name in
  bank) local words="show threshold" ;;
  config) local words="check print schema" ;;
  models) local words="check list quantize" ;;
  push) local words="config bank" ;;
  keys) local words="generate trust list revoke rearm" ;;
  capture) local words="list save watch" ;;
  esac
  if [[ -v words ]]; then
    if ((COMP_CWORD == 2)); then
      COMPREPLY=($(compgen -W "$words --help" -- "$word"))
      unset words
      return
    fi
    unset words
    name="$name ${COMP_WORDS[2]}" at=3
  fi
  local options="" operand="" valued=" " files=" " folders=" " choices=""
  case $name in
  "run")
    options="--config --help"
    valued=" --config "
    files=" --config "
    ;;
  "fit")
    options="--images --known-bad --out --config --station --name --backbone --preset --layers --size --resize --kernel --neighbourhood --join --detail --coreset --projection --start --ratio --rows --bytes --seed --patch-score --image-score --smoothing --false-reject-rate --calibration --index --region --part-region --rotation --cache --no-report --skip-broken --models --threads --help"
    valued=" --images --known-bad --out --config --station --name --backbone --preset --layers --size --resize --kernel --neighbourhood --join --detail --coreset --projection --start --ratio --rows --bytes --seed --patch-score --image-score --smoothing --false-reject-rate --calibration --index --region --part-region --rotation --cache --models --threads "
    files=" --out --config "
    folders=" --images --known-bad --cache --models "
    [[ $before == --preset ]] && choices="edge reference paper reproduction"
    [[ $before == --kernel ]] && choices="linear bicubic"
    [[ $before == --coreset ]] && choices="greedy random"
    [[ $before == --start ]] && choices="farthest-from-mean mean-distance-to-10-random first-row"
    [[ $before == --calibration ]] && choices="masked per-fold"
    [[ $before == --index ]] && choices="auto exact hnsw"
    [[ $before == --rotation ]] && choices="0 90 180 270"
    ;;
  "bank show")
    options="--json --help"
    operand=file
    ;;
  "bank threshold")
    options="--frr --score --mask --out --help"
    operand=file
    valued=" --frr --score --mask --out "
    files=" --out "
    ;;
  "score")
    options="--bank --overlay --threshold --index --input --models --threads --help"
    operand=file
    valued=" --bank --overlay --threshold --index --input --models --threads "
    files=" --bank "
    folders=" --overlay --models "
    [[ $before == --index ]] && choices="auto exact hnsw"
    ;;
  "eval")
    options="--bank --dataset --csv --json --out --compare --threshold --index --gallery --no-approximation --models --threads --help"
    valued=" --bank --dataset --csv --out --compare --threshold --index --gallery --models --threads "
    files=" --bank --csv --compare "
    folders=" --dataset --out --models "
    [[ $before == --index ]] && choices="auto exact hnsw"
    ;;
  "reproduce")
    options="--root --out --classes --backbones --train-fraction --subset --seed --preset --ratio --size --models --threads --ablate-ratio --ablate-coreset --ablate-layers --ablate-neighbourhood --ablate-b --help"
    valued=" --root --out --classes --backbones --train-fraction --subset --seed --preset --ratio --size --models --threads --ablate-ratio --ablate-coreset --ablate-layers --ablate-neighbourhood --ablate-b "
    folders=" --root --out --models "
    [[ $before == --subset ]] && choices="first random"
    [[ $before == --preset ]] && choices="edge reference paper reproduction"
    ;;
  "config check")
    options="--help"
    operand=file
    ;;
  "config print")
    options="--origin --help"
    operand=file
    ;;
  "config schema")
    options="--help"
    ;;
  "models check")
    options="--help"
    operand=file
    ;;
  "models list")
    options="--models --help"
    valued=" --models "
    folders=" --models "
    ;;
  "models quantize")
    options="--backbone --images --out --models --size --layers --range --weight-bits --calibration-images --dataset --train-images --threads --help"
    valued=" --backbone --images --out --models --size --layers --range --weight-bits --calibration-images --dataset --train-images --threads "
    folders=" --images --out --models --dataset "
    [[ $before == --weight-bits ]] && choices="7 8"
    ;;
  "push config")
    options="--to --station --device --key --dry-run --site --confirm-at --username --password-file --ca-file --timeout --unsigned --canary --then --halt-on --parallel --state --help"
    operand=file
    valued=" --to --station --device --key --site --confirm-at --username --password-file --ca-file --timeout --canary --then --halt-on --parallel --state "
    files=" --key --password-file --ca-file --state "
    ;;
  "push bank")
    options="--to --station --site --key --unsigned --url --models --until --shadow --shadow-for --promote --rollback --withdraw --username --password-file --ca --canary --then --halt-on --parallel --state --timeout --help"
    operand=file
    valued=" --to --station --site --key --url --models --until --shadow --shadow-for --username --password-file --ca --canary --then --halt-on --parallel --state --timeout "
    files=" --key --password-file --ca --state "
    folders=" --models "
    [[ $before == --until ]] && choices="probation committed"
    ;;
  "keys generate")
    options="--out --help"
    valued=" --out "
    files=" --out "
    ;;
  "keys trust")
    options="--state --role --label --help"
    operand=file
    valued=" --state --role --label "
    folders=" --state "
    [[ $before == --role ]] && choices="config bank"
    ;;
  "keys list")
    options="--state --json --help"
    valued=" --state "
    folders=" --state "
    ;;
  "keys revoke")
    options="--state --help"
    valued=" --state "
    folders=" --state "
    ;;
  "keys rearm")
    options="--state --help"
    valued=" --state "
    folders=" --state "
    ;;
  "doctor")
    options="--config --only --json --help"
    valued=" --config --only "
    files=" --config "
    [[ $before == --only ]] && choices="machine bank camera broker"
    ;;
  "capture list")
    options="--help"
    ;;
  "capture save")
    options="--config --station --source --device --features --url --username --password-file --pipeline --path --pattern --width --height --framerate --out --count --every --help"
    valued=" --config --station --source --device --features --url --username --password-file --pipeline --path --pattern --width --height --framerate --out --count --every "
    files=" --config --password-file "
    folders=" --path --out "
    [[ $before == --source ]] && choices="v4l2 aravis csi rtsp pipeline test folder"
    ;;
  "capture watch")
    options="--config --station --source --device --features --url --username --password-file --pipeline --path --pattern --width --height --framerate --seconds --json --help"
    valued=" --config --station --source --device --features --url --username --password-file --pipeline --path --pattern --width --height --framerate --seconds "
    files=" --config --password-file "
    folders=" --path "
    [[ $before == --source ]] && choices="v4l2 aravis csi rtsp pipeline test folder"
    ;;
  "install")
    options="--systemd --config --with --root --program --dry-run --uninstall --help"
    valued=" --config --with --root --program "
    files=" --config "
    folders=" --root --program "
    [[ $before == --with ]] && choices="usb3-vision aravis-packet-socket argus gpu v4l2"
    ;;
  "demo")
    options="--parts --out --broker --images --seed --help"
    valued=" --parts --out --broker --images --seed "
    folders=" --out --images "
    ;;
  *) return ;;
  esac
  if ((COMP_CWORD > at)) || [[ $before == --* ]]; then
    if [[ $files == *" $before "* ]]; then
      compopt -o filenames
      COMPREPLY=($(compgen -f -- "$word"))
      return
    fi
    if [[ $folders == *" $before "* ]]; then
      compopt -o filenames
      COMPREPLY=($(compgen -d -- "$word"))
      return
    fi
    if [[ $valued == *" $before "* ]]; then
      [[ -n $choices ]] && COMPREPLY=($(compgen -W "$choices" -- "$word"))
      return
    fi
  fi
  if [[ $word == -* || -z $operand ]]; then
    COMPREPLY=($(compgen -W "$options" -- "$word"))
  else
    compopt -o filenames
    COMPREPLY=($(compgen -f -- "$word"))
  fi
}
complete -F _nominald nominald
