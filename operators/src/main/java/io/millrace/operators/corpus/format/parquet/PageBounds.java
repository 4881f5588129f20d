package io.millrace.operators.corpus.format.parquet;

import io.millrace.operators.corpus.format.UnreadableFileException;
import org.apache.parquet.column.ColumnDescriptor;
import org.apache.parquet.column.Encoding;
import org.apache.parquet.format.PageHeader;
import org.apache.parquet.schema.PrimitiveType;

/**
 * Limits the heap that the pages of a row group use. Decoders allocate arrays of the sizes that a
 * page declares, so the declared sizes of runs and blocks are checked first.
 */
final class PageBounds {
    /** Maximum length of one page, compressed or decompressed. */
    static final int MAX_BYTES = 128 << 20;

    /** Maximum decompressed bytes of all pages that are open at the same time. */
    static final long MAX_OPEN_BYTES = 512L << 20;

    private static final int MAX_DICTIONARY_BYTES = 32 << 20;

    /** Maximum number of values that are decoded into one array. */
    private static final int MAX_AT_ONCE = 1 << 24;

    private static final int MAX_BLOCK = 1 << 20;

    private long open;

    /** Checks the declared lengths of a page before it is read. */
    static void requireSize(PageHeader header) throws UnreadableFileException {
        int plain = header.getUncompressed_page_size();
        int packed = header.getCompressed_page_size();
        if (plain < 0 || packed < 0) {
            throw damaged("length");
        }
        boolean dictionary = header.isSetDictionary_page_header();
        int most = dictionary ? MAX_DICTIONARY_BYTES : MAX_BYTES;
        if (Math.max(plain, packed) > most) {
            throw new UnreadableFileException(
                    "one %s has %,d bytes, more than the maximum of %,d: write the file with smaller %s"
                            .formatted(
                                    dictionary ? "dictionary" : "page",
                                    Math.max(plain, packed),
                                    most,
                                    dictionary ? "dictionaries or without" : "pages"));
        }
    }

    /** Counts the bytes of a page that replaces another one. */
    void replace(long before, long now) throws UnreadableFileException {
        open += now - before;
        if (open > MAX_OPEN_BYTES) {
            throw new UnreadableFileException(
                    "the pages that are read at the same time have %,d bytes, more than the maximum of %,d: write the file with smaller pages"
                            .formatted(open, MAX_OPEN_BYTES));
        }
    }

    /** Checks the size of a dictionary, which is decoded into an array. */
    static void requireDictionary(PrimitiveType type, int count, byte[] page)
            throws UnreadableFileException {
        int least =
                switch (type.getPrimitiveTypeName()) {
                    case INT64, DOUBLE -> Long.BYTES;
                    case INT96 -> 12;
                    case FIXED_LEN_BYTE_ARRAY -> Math.max(1, type.getTypeLength());
                    case BOOLEAN -> 1;
                    case BINARY, INT32, FLOAT -> Integer.BYTES;
                };
        if (count < 0 || (long) count * least > page.length) {
            throw new UnreadableFileException("its dictionary is damaged");
        }
    }

    /**
     * Checks a page of version 1: length-prefixed levels, then values.
     *
     * @param values number of values in the page, including nulls
     */
    static void requireLevelsAndValues(
            ColumnDescriptor column,
            int values,
            Encoding repetition,
            Encoding definition,
            Encoding encoding,
            byte[] page)
            throws UnreadableFileException {
        Walk walk = new Walk(page, 0, page.length, values);
        walk.levels(repetition, column.getMaxRepetitionLevel());
        walk.levels(definition, column.getMaxDefinitionLevel());
        walk.values(encoding);
    }

    /** Checks levels of a page of version 2. */
    static void requireLevels(int values, int highest, byte[] page, int from, int to)
            throws UnreadableFileException {
        new Walk(page, from, to, values).runs(width(highest), to);
    }

    /** Checks values of a page of version 2. */
    static void requireValues(Encoding encoding, int values, byte[] page, int from)
            throws UnreadableFileException {
        new Walk(page, from, page.length, values).values(encoding);
    }

    private static int width(int highest) {
        return Integer.SIZE - Integer.numberOfLeadingZeros(highest);
    }

    private static UnreadableFileException damaged(String what) {
        return new UnreadableFileException("one of its pages is damaged (%s)".formatted(what));
    }

    /** Parses the structure of a page without decoding values. */
    private static final class Walk {
        private final byte[] page;
        private final int values;
        private final int end;
        private int at;

        Walk(byte[] page, int from, int end, int values) {
            this.page = page;
            this.at = from;
            this.end = end;
            this.values = values;
        }

        void levels(Encoding encoding, int highest) throws UnreadableFileException {
            int width = width(highest);
            if (width == 0) {
                return;
            }
            if (encoding == Encoding.RLE) {
                prefixedRuns(width);
            } else {
                skip(((long) values * width + 7) / 8);
            }
        }

        void values(Encoding encoding) throws UnreadableFileException {
            switch (encoding) {
                case RLE -> prefixedRuns(1);
                case PLAIN_DICTIONARY, RLE_DICTIONARY -> {
                    if (at < end) {
                        int width = page[at++] & 0xff;
                        runs(width, end);
                    }
                }
                case DELTA_BINARY_PACKED, DELTA_LENGTH_BYTE_ARRAY -> blocks();
                case DELTA_BYTE_ARRAY -> {
                    blocks();
                    blocks();
                }
                default -> {}
            }
        }

        /** Length-prefixed runs. */
        private void prefixedRuns(int width) throws UnreadableFileException {
            if (end - at < Integer.BYTES) {
                throw damaged("levels");
            }
            int length = 0;
            for (int i = 0; i < Integer.BYTES; i++) {
                length |= (page[at++] & 0xff) << 8 * i;
            }
            if (length < 0 || length > end - at) {
                throw damaged("levels");
            }
            int next = at + length;
            runs(width, next);
            at = next;
        }

        /** Runs of the RLE / bit-packing hybrid: a repeated value, or groups of eight values. */
        void runs(int width, int to) throws UnreadableFileException {
            if (width > Integer.SIZE) {
                throw damaged("width of values");
            }
            long seen = 0;
            while (at < to && seen < values) {
                long head = varint();
                long count = head >>> 1;
                if ((head & 1) == 0) {
                    at = (int) Math.min(to, at + (width + 7L) / 8);
                    seen += count;
                } else {
                    if (count > MAX_AT_ONCE / 8) {
                        throw damaged("a run of %,d groups".formatted(count));
                    }
                    at = (int) Math.min(to, at + count * width);
                    seen += count * 8;
                }
            }
        }

        /** Deltas, in blocks of miniblocks. */
        private void blocks() throws UnreadableFileException {
            long block = varint();
            long parts = varint();
            long count = varint();
            varint();
            if (block <= 0
                    || block > MAX_BLOCK
                    || parts <= 0
                    || parts > block
                    || block % parts != 0
                    || block / parts % 8 != 0
                    || count < 0
                    || count > Math.min(values, MAX_AT_ONCE)) {
                throw damaged("%,d deltas".formatted(count));
            }
            long left = count - 1;
            while (left > 0) {
                varint();
                int widths = at;
                skip(parts);
                for (int part = 0; part < parts && left > 0; part++) {
                    skip((page[widths + part] & 0xffL) * (block / parts / 8));
                    left -= block / parts;
                }
            }
        }

        private void skip(long count) throws UnreadableFileException {
            if (count > end - at) {
                throw damaged("it is too short");
            }
            at += (int) count;
        }

        /** An unsigned LEB128 number. */
        private long varint() throws UnreadableFileException {
            long value = 0;
            for (int shift = 0; shift < Long.SIZE; shift += 7) {
                if (at >= end) {
                    throw damaged("it is too short");
                }
                int b = page[at++];
                value |= (b & 0x7fL) << shift;
                if (b >= 0) {
                    return value;
                }
            }
            throw damaged("a number has no end");
        }
    }
}
