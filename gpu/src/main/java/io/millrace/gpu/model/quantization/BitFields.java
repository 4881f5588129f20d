package io.millrace.gpu.model.quantization;

/** Whole numbers without sign, packed into words of 32 bits, the lowest bits first. */
final class BitFields {
    private BitFields() {}

    /** Fields of a word. */
    static int perWord(int bits) {
        return Integer.SIZE / bits;
    }

    /** The words that so many fields take; the last one may be padded. */
    static int words(int fields, int bits) {
        return (fields + perWord(bits) - 1) / perWord(bits);
    }

    /** The field of an index within its word. */
    static int get(int word, int index, int bits) {
        return word >>> index * bits & (1 << bits) - 1;
    }

    /**
     * The fields of each row of words.
     *
     * @param words row-major (rows, words)
     * @return row-major (rows, columns)
     */
    static float[] unpack(int[] words, int rows, int columns, int bits) {
        int perWord = perWord(bits);
        int rowWords = words.length / rows;
        float[] to = new float[rows * columns];
        for (int row = 0; row < rows; row++) {
            for (int column = 0; column < columns; column++) {
                int word = words[row * rowWords + column / perWord];
                to[row * columns + column] = get(word, column % perWord, bits);
            }
        }
        return to;
    }
}
