package io.millrace.gpu.sampling.grammar;

import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** Samples answers of a grammar at random: each token of a mask is as likely as another. */
final class RandomAnswer {
    private final byte[][] tokens;
    private final Random random;
    private final long[] mask;

    /** What each mask took. */
    final List<Double> maskMicros = new ArrayList<>();

    /** Tokens of the answer that was written last, the end among them. */
    int length;

    RandomAnswer(byte[][] tokens, Random random) {
        this.tokens = tokens;
        this.random = random;
        this.mask = new long[(tokens.length + 63) / 64];
    }

    /**
     * Writes an answer.
     *
     * @param most tokens, the end among them
     * @param ends one of so many masks that allow an end takes it
     * @throws AssertionError it did not end in time
     */
    byte[] write(Grammar grammar, int most, int ends) {
        Matcher matcher = grammar.matcher();
        ByteArrayOutputStream text = new ByteArrayOutputStream();
        for (int left = most; left > 0; left--) {
            long start = System.nanoTime();
            boolean made = matcher.mask(mask, left);
            maskMicros.add((System.nanoTime() - start) / 1e3);
            if (!made) {
                throw new AssertionError(matcher.failure().getMessage() + ", behind " + text);
            }
            int count = 0;
            for (long word : mask) {
                count += Long.bitCount(word);
            }
            if (count == 0 && !matcher.isAccepting()) {
                throw new AssertionError("nothing may follow " + text);
            }
            if (matcher.isAccepting() && (count == 0 || random.nextInt(ends) == 0)) {
                length = most - left + 1;
                return text.toByteArray();
            }
            int token = nth(mask, random.nextInt(count));
            if (!matcher.accept(token)) {
                throw new AssertionError("token " + token + " may not follow " + text);
            }
            text.writeBytes(tokens[token]);
        }
        throw new AssertionError("no end within " + most + " tokens: " + text);
    }

    static int nth(long[] mask, int n) {
        int rest = n;
        for (int w = 0; ; w++) {
            int bits = Long.bitCount(mask[w]);
            if (rest < bits) {
                long word = mask[w];
                for (; rest > 0; rest--) {
                    word &= word - 1;
                }
                return w << 6 | Long.numberOfTrailingZeros(word);
            }
            rest -= bits;
        }
    }
}
