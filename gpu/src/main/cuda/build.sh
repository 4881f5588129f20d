#!/usr/bin/env bash
# Compiles the GPU kernels beside this script, for the engine's jar.
#
#   build.sh structs OUT JAVA      makes the classes in OUT with which Java writes the structs of the headers, by
#                                  StructWriters.java, unless they are there. Maven calls this, also without nvcc.
#   build.sh compile OUT REPORTS   each .cu becomes a fatbin in OUT, what ptxas says of it goes to REPORTS, and
#                                  OUT/kernels.index names all kernels. Maven calls this. Without nvcc it says
#                                  so and removes them all.
#   build.sh check OUT REPORTS     fails unless there are kernels, none spills, none has more registers than its
#                                  file states ("// Registers: at most N.", or 128), and there was no warning.
#                                  .ci/run calls this.
#
#   NVCC                   the compiler, or "none"; else nvcc on the PATH, in CUDA_HOME or in /usr/local/cuda
#   MILLRACE_KERNEL_CACHE  folder that keeps what was compiled, by the hash of all that it was made of, for
#                          other checkouts and for after a clean; else millrace/kernels in the user's cache
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# One rounding for each operation that is written: docs/numerics.md rests on it.
flags=(-fatbin -std=c++17 -O3 -fmad=false -ftz=false -prec-div=true -prec-sqrt=true
    '-gencode=arch=compute_80,code=[sm_80,compute_80]' '-gencode=arch=compute_90a,code=sm_90a'
    -Xptxas=-v -I "$here/include")

# Registers of a kernel whose file states no ceiling.
default_ceiling=128
# setmaxnreg ignored; waits injected into wgmma, twice; and whatever is called a warning.
warnings='C7508|C7510|C7517|[Ww]arning'

fail() {
    echo "build.sh: $*" >&2
    exit 1
}

find_nvcc() {
    local each
    [ "${NVCC:-}" != none ] || return 0
    for each in "${NVCC:-}" "$(command -v nvcc || true)" "${CUDA_HOME:-/nowhere}/bin/nvcc" /usr/local/cuda/bin/nvcc; do
        if [ -n "$each" ] && [ -x "$each" ]; then
            echo "$each"
            return
        fi
    done
}

# The file and all that it includes of ours, each once.
sources() {
    local todo=("$1") seen=" " file name dir
    while [ ${#todo[@]} -gt 0 ]; do
        file=${todo[0]}
        todo=("${todo[@]:1}")
        [[ $seen == *" $file "* ]] && continue
        seen+="$file "
        echo "$file"
        while IFS= read -r name; do
            for dir in "$(dirname "$file")" "$here/include"; do
                if [ -f "$dir/$name" ]; then
                    todo+=("$(realpath "$dir/$name")")
                    break
                fi
            done
        done < <(sed -nE 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*"([^"]+)".*/\1/p' "$file")
    done
}

# Hash of all that a fatbin is made of. Paths are left out, so that checkouts share.
key_of() {
    {
        echo "$compiler ${flags[*]//$here/}"
        sources "$1" | while IFS= read -r file; do
            echo "${file#"$here"}"
            cat "$file"
        done
    } | sha256sum | cut -c1-32
}

# compile_one SOURCE KEY: into the cache, unless it is there.
compile_one() {
    local name
    name=$(basename "$1" .cu)
    (
        # Two builds that want the same file: the second waits and finds it.
        if command -v flock >/dev/null; then
            exec 9>"$cache/$2.lock"
            flock 9
        fi
        if [ ! -f "$cache/$2.fatbin" ]; then
            if ! "$nvcc" "${flags[@]}" -o "$cache/$2.part" "$1" >"$cache/$2.log" 2>&1; then
                echo "build.sh: nvcc failed on $name.cu:" >&2
                grep -v '^ptxas info' "$cache/$2.log" >&2 || true
                exit 1
            fi
            mv "$cache/$2.part" "$cache/$2.fatbin"
        fi
    ) || return 1
    rm -f "$cache/$2.lock"
    cp "$cache/$2.fatbin" "$out/$name.fatbin"
    cp "$cache/$2.log" "$reports/$name.log"
    echo "$2" >"$reports/$name.key"
}

compile() {
    nvcc=$(find_nvcc)
    if [ -z "$nvcc" ]; then
        rm -rf "$reports" "$out"/*.fatbin "$out/kernels.index"
        echo "There is no nvcc: this build has no GPU kernels, and its models run on the CPU."
        return
    fi
    compiler=$("$nvcc" --version | tail -1)
    cache=${MILLRACE_KERNEL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/millrace/kernels}
    mkdir -p "$out" "$reports" "$cache"
    # What nobody has made again for a month.
    find "$cache" -type f -mtime +30 -delete 2>/dev/null || true # another build may be faster

    local source name key stale=() keys=() failed=0
    for source in "$here"/*.cu; do
        [ -f "$source" ] || continue
        name=$(basename "$source" .cu)
        key=$(key_of "$source")
        if [ ! -f "$out/$name.fatbin" ] || [ "$(cat "$reports/$name.key" 2>/dev/null)" != "$key" ]; then
            stale+=("$source")
            keys+=("$key")
        fi
    done
    for name in "$out"/*.fatbin; do
        name=$(basename "$name" .fatbin)
        [ -f "$here/$name.cu" ] || rm -f "$out/$name.fatbin" "$reports/$name".*
    done
    if [ ${#stale[@]} -gt 0 ]; then
        echo "GPU kernels: ${#stale[@]} file(s) changed, with $(basename "$nvcc")"
        # Each is waited for by its number: "wait -n" loses one that has ended before it asks.
        local i pid pids=()
        for i in "${!stale[@]}"; do
            if [ ${#pids[@]} -ge "$(nproc)" ]; then
                wait "${pids[0]}" || failed=1
                pids=("${pids[@]:1}")
            fi
            compile_one "${stale[$i]}" "${keys[$i]}" &
            pids+=($!)
        done
        for pid in "${pids[@]}"; do
            wait "$pid" || failed=1
        done
        [ "$failed" = 0 ] || fail "the GPU kernels do not compile, see above."
    fi
    index
}

# "kernel module" by kernel: where Java finds a kernel.
index() {
    local log
    for log in "$reports"/*.log; do
        [ -f "$log" ] || continue
        sed -nE "s/.*Compiling entry function '([^']+)' for .*/\1 $(basename "$log" .log)/p" "$log"
    done | sort -u >"$reports/index"
    if [ ! -s "$reports/index" ]; then
        rm -f "$out/kernels.index"
    elif ! cmp -s "$reports/index" "$out/kernels.index"; then
        cp "$reports/index" "$out/kernels.index"
    fi
    local twice
    twice=$(cut -d' ' -f1 "$reports/index" | uniq -d | tr '\n' ' ')
    [ -z "$twice" ] || fail "these kernels are in two files: $twice"
}

structs() {
    local headers=("$here"/include/{params,sample_params}.h) key
    key=$(cat "$here/StructWriters.java" "${headers[@]}" | sha256sum)
    if [ "$(cat "$out/key" 2>/dev/null)" != "$key" ]; then
        "$java" "$here/StructWriters.java" "$out" io.millrace.gpu.device.cuda.struct "${headers[@]}"
        echo "$key" >"$out/key"
    fi
}

check() {
    [ -s "$out/kernels.index" ] || fail "there are no GPU kernels in $out."
    local log name ceiling bad=0
    # nvcc names such a variable by a hash of the folder: the bytes of a release would depend on where it is built.
    find "$here" -name '*.cu' -o -name '*.h' | xargs awk '
        FNR == 1 { unnamed = 0; static = 0 }
        /^namespace \{/ { unnamed = 1 }
        /^}  \/\/ namespace$/ { unnamed = 0 }
        /^static __device__/ { static = 1 }
        /^}/ { static = 0 }
        (unnamed || static) && /^ +__shared__/ {
            print "build.sh: " FILENAME ":" FNR ": __shared__ in a function without external linkage: declare it in the kernel or make the function inline"
            bad = 1
        }
        END { exit bad }
    ' >&2 || bad=1
    for log in "$reports"/*.log; do
        name=$(basename "$log" .log)
        ceiling=$(sed -nE 's|^// Registers: at most ([0-9]+)\..*|\1|p' "$here/$name.cu" | head -1)
        awk -v name="$name" -v ceiling="${ceiling:-$default_ceiling}" -v warnings="$warnings" '
            /Compiling entry function/ { split($0, part, "\x27"); kernel = part[2] " for " part[4] }
            /bytes spill stores/ && !/ 0 bytes spill stores, 0 bytes spill loads/ { say("spills:" $0) }
            $0 ~ warnings { say("warning:" $0) }
            /Used [0-9]+ registers/ {
                match($0, /Used [0-9]+/)
                used = substr($0, RSTART + 5, RLENGTH - 5)
                if (used + 0 > ceiling + 0) say(used " registers, its file states " ceiling)
                kernels++
            }
            function say(what) { print "build.sh: " name ".cu, " kernel ": " what; bad = 1 }
            END { if (!kernels) say("no kernel in ptxas report"); exit bad }
        ' "$log" >&2 || bad=1
    done
    [ "$bad" = 0 ] || exit 1
    echo "$(wc -l <"$out/kernels.index") GPU kernels, no spills"
}

[ $# = 3 ] || fail "give it structs, a folder and java; or compile or check, and two folders."
out=$2
reports=$3
java=$3
case "$1" in
    structs) structs ;;
    compile) compile ;;
    check) check ;;
    *) fail "$1 is neither structs nor compile nor check." ;;
esac
