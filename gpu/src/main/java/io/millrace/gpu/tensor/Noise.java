package io.millrace.gpu.tensor;

import java.nio.ByteBuffer;
import java.util.SplittableRandom;

/**
 * One block of random numbers that the tensors of a model without weights are cut from: of about
 * normal distribution around 0, of the deviation that models are initialized with. The same numbers
 * every time and on every JVM.
 *
 * <p>A tensor is the block again and again, each begun at another place. A tensor in memory goes
 * round the whole block, whose length is odd, so that its rows differ. A device copies whole units,
 * which keeps its copies aligned.
 */
public final class Noise {
    /** Numbers in a unit: 16 bytes of a type of two. */
    private static final int UNIT = 8;

    /**
     * Units in the block. A prime, so that tensors begin at different ones; and this one, because
     * no two rows of a large head are the same in tiles of it either, although those begin at few
     * of the units. (With 524,287 half of the rows of some come twice.)
     */
    public static final int UNITS = 524_269;

    private static final int LENGTH = UNIT * UNITS + 1;

    /** Units from the beginning of a tensor to that of the next. */
    private static final int STRIDE = 324_017;

    private static final float DEVIATION = 0.02f;

    private final DType type;
    private final byte[] block;
    private int tensors;

    /** Makes the block, in numbers of a type. */
    public Noise(DType type) {
        this.type = type;
        block = new byte[LENGTH * type.bytes()];
        SplittableRandom random = new SplittableRandom(1);
        // Four uniform numbers of 16 bits: their sum is near enough to normal, and has bounds.
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

    /** Fills a buffer with the block's repetitions, from one of their bytes on. */
    void fill(ByteBuffer to, long from) {
        int at = (int) (from % block.length);
        while (to.hasRemaining()) {
            int step = Math.min(to.remaining(), block.length - at);
            to.put(block, at, step);
            at = 0;
        }
    }
}
