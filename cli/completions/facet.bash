# SPDX-License-Identifier: Apache-2.0
# bash completion for facet

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

    if [ "$COMP_CWORD" = 1 ]; then
        COMPREPLY=($(compgen -W "detect align embed verify identify enroll
            gallery cluster eval calibrate dataset train model synth bench
            selftest
            --help --version" -- "$current"))
        return
    fi
    case $before in
    --precision)
        COMPREPLY=($(compgen -W "auto fp32 bf16 int8" -- "$current"))
        return ;;
    --policy)
        COMPREPLY=($(compgen -W "all largest central single" -- "$current"))
        return ;;
    --format)
        case $verb in
        embed) formats="$formats npy" ;;
        synth) formats="jpg png webp" ;;
        esac
        COMPREPLY=($(compgen -W "$formats" -- "$current"))
        return ;;
    --color)
        COMPREPLY=($(compgen -W "rgb bgr" -- "$current"))
        return ;;
    --method)
        COMPREPLY=($(compgen -W "average complete single rank-order dbscan
            hdbscan whispers" -- "$current"))
        return ;;
    --draw | --out | --album)
        case $before,$verb,$part in
        --out,eval,* | --out,calibrate,* | --out,train,t[psd]e | \
            --out,train,vgg-triplet)
            COMPREPLY=($(compgen -f -- "$current")) ;;
        *) COMPREPLY=($(compgen -d -- "$current")) ;;
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
        if [ "$COMP_CWORD" = 2 ]; then
            COMPREPLY=($(compgen -W "teacher tpe tse tde vgg-triplet" -- "$current")
                $(compgen -f -- "$current"))
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
            COMPREPLY=($(compgen -W "create enroll list rename remove export
                import stats check audit migrate" -- "$current"))
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
                COMPREPLY=($(compgen -W "name merge split explain list" -- "$current")
                    $(compgen -f -- "$current"))
                return
            fi ;;
        esac ;;
    bench) options="--runs --json $files" ;;
    selftest) options="$files" ;;
    model)
        if [ "$COMP_CWORD" = 2 ]; then
            COMPREPLY=($(compgen -W "info import quantize set" -- "$current"))
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
    -*) COMPREPLY=($(compgen -W "$options --help" -- "$current")) ;;
    *) COMPREPLY=($(compgen -f -- "$current")) ;;
    esac
}
complete -o filenames -F _facet facet
