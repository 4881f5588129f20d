package io.millrace.gpu.tensor;

/**
 * Bytes of a tensor of noise.
 *
 * @param firstUnit index of the tensor's first unit among {@link Noise#UNITS}
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
