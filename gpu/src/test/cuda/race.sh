#!/usr/bin/env bash
# Has compute-sanitizer's racecheck look at each matmul kernel, one launch of one tile a process, one line a kernel.
#
#   race.sh build OUT          where there is nvcc: OUT/kernel_check, and each kernel in a fatbin of its own.
#   race.sh run OUT [FATBINS]  where there are a GPU and compute-sanitizer: the kernels of the jar (FATBINS is their folder), or, where
#                              racecheck does not answer in LIMIT seconds or FATBINS is left out, those of OUT. Fails unless all
#                              are clean and the two with a planted race are not.
#
#   LIMIT    seconds for a kernel, 20
#   JOBS     kernels at a time, 8
#   WORKERS  threads that racecheck takes for a process, 2: it would take one for each core that the machine has, those that this process
#            may not use too
#
# Kernels named ..._old are those of GPUs without clusters, compiled for this one. ..._planted lack a barrier.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cuda=$here/../../main/cuda
flags=(-fatbin -std=c++17 -O3 -fmad=false -ftz=false -prec-div=true -prec-sqrt=true)

# KERNEL FILTER ARCHITECTURE: matmul.cu with no other kernel, its header passed through sed.
single() {
    local name=${1%_old}
    name=${name%_planted}
    local type=${name#matmul_} tile=${name##*_} segments=1 stages cluster="" T=Bf16
    [ "${type%%_*}" = bf16 ] || T=F16
    if [[ $tile == *x* ]]; then
        segments=${tile#*x}
        tile=${tile%x*}
        cluster="CLUSTER($segments)"
    fi
    case $tile in 16) stages=8 ;; 32 | 64) stages=6 ;; 128) stages=4 ;; esac
    sed "$2" "$cuda/include/matmul.h" >"$out/include/matmul.h"
    {
        sed '/^#define SPLIT_MATMUL/,$d' "$cuda/matmul.cu"
        if [ "$tile" = large ]; then
            echo "MATMUL($type, , $T, 256, 1, 128, 128, 2, 4, 3, 0)"
        else
            echo "MATMUL($type, $cluster, $T, 128, 2, 64, $tile, 4, 1, $stages, $segments)"
        fi
    } >"$out/$1.cu"
    "$nvcc" "${flags[@]}" -I "$out/include" -I "$cuda/include" "-gencode=arch=$3" -o "$out/$1.fatbin" "$out/$1.cu"
    rm "$out/$1.cu"
    echo "$1" >>"$out/names"
}

build() {
    nvcc=${NVCC:-$(command -v nvcc || echo /usr/local/cuda/bin/nvcc)}
    mkdir -p "$out/include"
    rm -f "$out/names"
    "$nvcc" -std=c++17 -O2 -arch=sm_90 -I "$cuda/include" -o "$out/kernel_check" "$here/kernel_check.cu"
    local tile new=compute_90a,code=sm_90a old=compute_80,code=sm_90
    for tile in 16 16x2 16x4 16x8 32 32x2 32x4 32x8 64 64x2 64x4 64x8 128 128x2 128x4 128x8 large; do
        single "matmul_bf16_$tile" "" "$new"
    done
    for tile in 64 64x2 large; do
        single "matmul_f16_$tile" "" "$new"
    done
    for tile in 16x8 64x2 128x4; do
        single "matmul_bf16_${tile}_old" "" "$old"
    done
    # A stage is multiplied before other threads' copies are there.
    single matmul_bf16_64_planted '/waitCopies<STAGES - 2>/{n;s/__syncthreads();//}' "$new"
    single matmul_bf16_64x2_planted '/waitCopies<STAGES - 2>/{n;s/__syncthreads();//}' "$new"
}

# KERNEL FOLDER: exit status of one launch under racecheck; what it says goes to OUT/KERNEL.said.
look() {
    timeout -k 2 "$LIMIT" compute-sanitizer --tool racecheck $workers --error-exitcode 3 --print-limit 4 \
        "$out/kernel_check" "$2" race "$1" >"$out/${3:-$1}.said" 2>&1
}

# One line about one kernel.
one() {
    local name=$1 kernel=${1%_old} status=0 from=single began=$SECONDS folder=$out/of.$1
    kernel=${kernel%_planted}
    if [ -n "$jar" ] && [ "$kernel" = "$name" ]; then
        from=jar
        look "$kernel" "$jar" "$name" || status=$?
    fi
    if [ "$from" = single ] || [ "$status" -ge 124 ]; then
        [ "$from" = single ] || from="single (the jar's: no answer)"
        mkdir -p "$folder"
        echo "$kernel $name" >"$folder/kernels.index"
        ln -sf "../$name.fatbin" "$folder/$name.fatbin"
        status=0
        look "$kernel" "$folder" "$name" || status=$?
    fi
    local verdict="failed, status $status"
    if grep -q 'RACECHECK SUMMARY: [1-9]' "$out/$name.said"; then
        verdict=hazards
    elif [ "$status" = 124 ] || [ "$status" = 137 ]; then
        verdict="no answer"
    elif [ "$status" = 0 ] && grep -q '1 checks, 0 wrong' "$out/$name.said"; then
        verdict=clean
    fi
    echo "$name $from $((SECONDS - began)) s: $verdict | $(grep -h 'RACECHECK SUMMARY' "$out/$name.said" | tail -1 || true)"
}

run() {
    jar=$1
    workers=""
    # Old ones do not know it.
    [[ $(compute-sanitizer --help) != *--racecheck-num-workers* ]] || workers="--racecheck-num-workers ${WORKERS:-2}"
    export -f one look
    export out jar workers LIMIT=${LIMIT:-20}
    xargs -P "${JOBS:-8}" -I{} bash -c 'one {}' <"$out/names" | tee "$out/verdicts"
    ! grep -v _planted "$out/verdicts" | grep -qv ': clean |' && ! grep _planted "$out/verdicts" | grep -qv ': hazards |'
}

out=$(mkdir -p "${2:?}" && cd "$2" && pwd)
case "${1:-}" in
    build) build ;;
    run) run "${3:+$(cd "$3" && pwd)}" ;;
    *) echo "race.sh: give it build or run, and a folder." >&2; exit 2 ;;
esac
