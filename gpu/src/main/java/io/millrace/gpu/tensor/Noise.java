package io.millrace.gpu.tensor;

import java.nio.ByteBuffer;
import java.util.SplittableRandom;

/**
 * A block of random numbers, the source of all tensors of a dummy model: about normally distributed
 * around 0, with the deviation that models are initialized with. The numbers are the same in every
 * run and on every JVM.
 *
 * <p>A tensor repeats the block, each tensor from another offset. In host memory the whole block is
 * repeated, whose length is odd, so that rows differ. A device repeats whole units, which keeps its
 * copies aligned.
 */
public final class Noise {
    /** Numbers of a unit: 16 bytes for a type of two bytes. */
    private static final int UNIT = 8;

    /**
     * Units of the block: a prime, so that tensors begin at different units. With this prime, the
     * tiled rows of large heads differ too, although tiles begin at few of the units. (With
     * 524,287, half of the rows of some heads are equal to another.)
     */
    public static final int UNITS = 524_269;

    private static final int LENGTH = UNIT * UNITS + 1;

    /** Units between the beginnings of two consecutive tensors. */
    private static final int STRIDE = 324_017;

    private static final float DEVIATION = 0.02f;

    private final DType type;
    private final byte[] block;
    private int tensors;

    /** Makes the block for a number type. */
    public Noise(DType type) {
        this.type = type;
        block = new byte[LENGTH * type.bytes()];
        SplittableRandom random = new SplittableRandom(1);
        // The sum of four uniform 16-bit numbers is near enough to normal, and bounded.
        double scale = DEVIATION / Math.sqrt(4 * 0x1p32 / 12);
        for (int i = 0; i < LENGTH; i++) {
            long bits = random.nextLong();
            long sum =
                    (bits & 0xffff)
                            + (bits >>> 16 & 0xffff)
                            + (bits >>> 32 & 0xffff)
                            + (bits >>> 48);
            NumberBits.put(type, (float) ((sum - 2 * 0xffff) * scale), block, i * type.bytes());
        }
    }

    /** The next tensor. */
    public Tensor tensor(String name, long... shape) {
        int first = (int) ((long) tensors++ * STRIDE % UNITS);
        return Tensor.made(name, type, shape, new NoiseBytes(this, first));
    }

    /** Bytes of a unit. */
    public long unitBytes() {
        return (long) UNIT * type.bytes();
    }

    /** Copies all units. */
    public void copyTo(ByteBuffer to) {
        to.put(0, block, 0, UNITS * UNIT * type.bytes());
    }

    /** Fills a buffer with repetitions of the block, starting at byte {@code from}. */
    void fill(ByteBuffer to, long from) {
        int at = (int) (from % block.length);
        while (to.hasRemaining()) {
            int step = Math.min(to.remaining(), block.length - at);
            to.put(block, at, step);
            at = 0;
        }
    }
}
