#!/usr/bin/env bash
# nvcc 13.0: the same source gives other PTX in another folder, also with --frandom-seed.
#
# A __shared__ variable of a function without external linkage (static, or in an unnamed namespace) gets a name with a hash
# of the folder of its source, whether the source is named by a relative or by an absolute path. So PTX, cubins and fatbins
# of one source differ from checkout to checkout. --frandom-seed, of which nvcc's help says that it "can be used to
# generate deterministically identical ptx and object files", changes nothing here. The machine code is the same;
# the names in it are not. With the variable declared in the kernel, or the function inline, there is no such name.
#
# Needs nvcc of CUDA 13.0 on the PATH or in /usr/local/cuda, and no GPU. Runs for some seconds.
set -euo pipefail
nvcc=$(command -v nvcc || echo /usr/local/cuda/bin/nvcc)
"$nvcc" --version | grep -q 'release 13\.0' || { echo "this is about nvcc 13.0, here is: $("$nvcc" --version | tail -1)" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/one" "$work/two"
cat > "$work/one/sum.cu" <<'CU'
#ifdef OUTSIDE
inline
#else
static
#endif
__device__ int total(int value) {
    __shared__ int values[64];
    values[threadIdx.x] = value;
    __syncthreads();
    int sum = 0;
    for (int i = 0; i < 64; i++) sum += values[i];
    return sum;
}

extern "C" __global__ void sum(const int* in, int* out) {
    int value = total(in[threadIdx.x]);
    if (threadIdx.x == 0) *out = value;
}
CU
cp "$work/one/sum.cu" "$work/two"
ptx() { # ptx FOLDER OPTION...: the hash of the PTX that is made there
    (cd "$work/$1" && shift && "$nvcc" -arch=compute_80 -ptx -o sum.ptx "$@" sum.cu && sha256sum <sum.ptx | cut -c1-12)
}
failed=0
compare() { # compare EXPECTED LABEL OPTION...
    local expected=$1 label=$2 one two is=equal
    shift 2
    one=$(ptx one "$@")
    two=$(ptx two "$@")
    [ "$one" = "$two" ] || is=different
    echo "$label: $one and $two, $is"
    [ "$is" = "$expected" ] || failed=1
}
compare different "static function"
grep -o '_INTERNAL_[0-9a-f]*' "$work/one/sum.ptx" | head -1 | sed 's/^/a name in the first: /'
grep -o '_INTERNAL_[0-9a-f]*' "$work/two/sum.ptx" | head -1 | sed 's/^/a name in the second: /'
compare different "the same with --frandom-seed=1" --frandom-seed=1
compare equal "inline function" -DOUTSIDE
[ "$failed" = 0 ] || { echo "not as described" >&2; exit 1; }
echo "as described: the folder is in the bytes, and --frandom-seed does not take it out"
