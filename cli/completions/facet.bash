# SPDX-License-Identifier: Apache-2.0
# bash completion for facet

# Words that begin with what is typed.
_facet_words() {
    mapfile -t COMPREPLY < <(compgen -W "$1" -- "$current")
}

# Words, and files beside them; where there is none of both, as below.
_facet_words_or_files() {
    compopt -o default
    mapfile -t COMPREPLY < <(compgen -W "$1" -- "$current"
        compgen -f -- "$current")
}

# Nothing of ours: readline completes files and folders, and quotes blanks.
_facet_files() {
    compopt -o default
}
_facet_folders() {
    compopt -o dirnames
}

_facet() {
    local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}
    local verb=${COMP_WORDS[1]} part=${COMP_WORDS[2]} formats="jsonl json csv"
    local files="--detector --model --precision"
    local finding="--detector --precision --min-face --max-faces --score --policy"
    local networks="$finding --model --aligned"
    local limits="--max-megapixels --max-megabytes"
    local photos="--files-from --null --format --threads --draw $limits --quiet"
    local finder="--files-from --null --threads $limits --quiet"
    local store="--store --gallery-name --key-file --passphrase-file"
    local decides="--fpir --threshold" judges="--min-quality"
    local options=""

    COMPREPLY=()
    # bash takes the = of --option=VALUE for a word
    if [ "$current" = "=" ]; then
        current=""
    elif [ "$before" = "=" ]; then
        before=${COMP_WORDS[COMP_CWORD-2]}
    fi
    if [ "$COMP_CWORD" = 1 ]; then
        _facet_words "detect align embed verify identify enroll
            gallery cluster eval calibrate dataset train model synth bench
            selftest
            --help --version"
        return
    fi
    case $before in
    --precision)
        _facet_words "auto fp32 bf16 int8"
        return ;;
    --policy)
        _facet_words "all largest central single"
        return ;;
    --format)
        case $verb in
        embed) formats="$formats npy" ;;
        synth) formats="jpg png webp" ;;
        esac
        _facet_words "$formats"
        return ;;
    --fusion)
        _facet_words "media mean-similarity random-frames best"
        return ;;
    --views)
        _facet_words "1 10 20 30"
        return ;;
    --color)
        _facet_words "rgb bgr"
        return ;;
    --method)
        _facet_words "average complete single rank-order dbscan
            hdbscan whispers"
        return ;;
    --draw | --out | --album)
        case $before,$verb,$part in
        --out,eval,* | --out,calibrate,* | --out,train,t[psd]e | \
            --out,train,vgg-triplet)
            _facet_files ;;
        *) _facet_folders ;;
        esac
        return ;;
    esac
    case $verb in
    detect) options="$photos $finding" ;;
    embed) options="$photos $networks" ;;
    align) options="--out --template --margin --frontal --landmarks $photos
        --model $finding" ;;
    verify) options="--threshold --fmr --json $limits $networks" ;;
    eval | calibrate) options="--pairs --flat --profile --frames --max-frames --fusion --boxes
        --table --matches --gallery --probes --duplicates --images
        --margin --embeddings --names --cache --compact --threads --json
        --jpeg --pixels --dims --views
        --unaligned --best --report --plot --cohort --fail-if --rounds --seed
        --out
        $networks" ;;
    dataset) options="--views --unaligned --out --first --keep --duplicate --block --images
        --margin --embeddings --names --cache --compact --threads $networks" ;;
    train)
        if [ "$COMP_CWORD" = 2 ] && [[ $current != -* ]]; then
            _facet_words_or_files "teacher tpe tse tde vgg-triplet"
            return
        fi
        case $part in
        teacher) options="--out --quiet" ;;
        tpe | tse | tde | vgg-triplet)
            options="--out --dim --steps --rate --alpha --random-start
                --seed --images --margin --views --unaligned --embeddings
                --names --cache --compact --threads $networks" ;;
        *) options="--out --resume --quiet" ;;
        esac ;;
    synth) options="--out --people --images --groups --group-of --seed --size
        --group-size --yaw --pitch --roll --expression --light --flat
        --format --quality --samples --threads --quiet" ;;
    identify) options="$store $decides $judges --review --margin
        $finder $networks" ;;
    enroll) options="--person --force $store $decides $judges $finder $networks" ;;
    gallery)
        if [ "$COMP_CWORD" = 2 ]; then
            _facet_words "create enroll list rename remove export
                import stats check audit migrate --help"
            return
        fi
        options="$store"
        case ${COMP_WORDS[2]} in
        create) options="--approximate --partitions $store $files" ;;
        enroll) options="--person --force $store $decides $judges $finder $networks" ;;
        list | export) options="--person $store" ;;
        remove) options="--templates $store" ;;
        audit) options="$store $decides $files" ;;
        migrate) options="--dry-run --rollback --abandon --drop-missing
            --threads --quiet $store $files" ;;
        esac ;;
    cluster)
        options="--album --method --threshold --together $finder $networks"
        case ${COMP_WORDS[2]} in
        name) options="--gallery" ;;
        split) options="--parts" ;;
        merge | explain | list) options="" ;;
        *)
            if [ "$COMP_CWORD" = 2 ] && [[ $current != -* ]]; then
                _facet_words_or_files "name merge split explain list"
                return
            fi ;;
        esac ;;
    bench) options="--runs --json $files" ;;
    selftest) options="$files" ;;
    model)
        if [ "$COMP_CWORD" = 2 ]; then
            _facet_words "info import quantize set --help"
            return
        fi
        case ${COMP_WORDS[2]} in
        info) options="--json --precision" ;;
        quantize) options="--images --count --margin --detector --loss
            --threads --json" ;;
        set) options="--golden" ;;
        import) options="--preset --color --mean --scale --size --template
            --threshold --license --source" ;;
        esac ;;
    esac
    case $current in
    -*) _facet_words "$options --help" ;;
    *) _facet_files ;;
    esac
}
complete -o filenames -F _facet facet
