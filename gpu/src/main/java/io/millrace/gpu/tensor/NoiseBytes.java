package io.millrace.gpu.tensor;

/**
 * Bytes of a tensor of noise.
 *
 * @param firstUnit which of the block's {@link Noise#UNITS} the tensor begins with
 */
public record NoiseBytes(Noise noise, int firstUnit) implements TensorBytes {

    @Override
    public Reader open() {
        long start = noise.unitBytes() * firstUnit;
        return (to, from) -> {
            noise.fill(to, start + from);
            return true;
        };
    }

    @Override
    public String toString() {
        return "dummy weights";
    }
}
