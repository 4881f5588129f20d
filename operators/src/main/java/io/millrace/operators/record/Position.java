package io.millrace.operators.record;

/**
 * The position of a record in its source. State and wire keep it as opaque text, so that all kinds
 * of sources are equal.
 */
public sealed interface Position {
    /** In a partition of a topic. */
    record InPartition(int partition, long offset) implements Position {
        @Override
        public String text() {
            return partition + "@" + offset;
        }

        @Override
        public String in(String source) {
            return source + "-" + text();
        }
    }

    /**
     * A line of a file.
     *
     * @param number from 1
     */
    record Line(long number) implements Position {
        @Override
        public int partition() {
            return 0;
        }

        @Override
        public long offset() {
            return number;
        }

        @Override
        public String text() {
            return LINE + number;
        }

        @Override
        public String in(String source) {
            return source + " " + text();
        }
    }

    /**
     * A row of a file in which a row can span lines.
     *
     * @param number number of the row, from 1
     * @param line number of its first line, from 1
     */
    record Row(long number, long line) implements Position {
        @Override
        public int partition() {
            return 0;
        }

        @Override
        public long offset() {
            return number;
        }

        @Override
        public String text() {
            return ROW + number + ' ' + LINE + line;
        }

        @Override
        public String in(String source) {
            return source + " row " + number + " (line " + line + ")";
        }
    }

    /**
     * A record without a source, which a job made from other records.
     *
     * @param id id of its request
     */
    record Made(String id) implements Position {
        @Override
        public int partition() {
            return 0;
        }

        @Override
        public long offset() {
            return 0;
        }

        @Override
        public String text() {
            return ID + id;
        }

        @Override
        public String in(String source) {
            return source + " request " + id;
        }
    }

    /** Prefix of the text of a line. */
    String LINE = "line ";

    /** Prefix of the text of a row. */
    String ROW = "row ";

    /** Prefix of the text of {@link Made}. */
    String ID = "id ";

    /** The partition in dead letters; 0 if the source has none. */
    int partition();

    /** The offset in dead letters; for a file the number of the line or row. */
    long offset();

    /** The text of this position, which {@link #parse} reads. */
    String text();

    /** Display text with the source, such as {@code prompts-3@17}. */
    String in(String source);

    /**
     * Parses the result of {@link #text}.
     *
     * @throws IllegalArgumentException this release knows no such position
     */
    static Position parse(String text) {
        try {
            if (text.startsWith(LINE)) {
                return new Line(Long.parseLong(text.substring(LINE.length())));
            }
            int line = text.indexOf(' ' + LINE);
            if (text.startsWith(ROW) && line > 0) {
                return new Row(
                        Long.parseLong(text.substring(ROW.length(), line)),
                        Long.parseLong(text.substring(line + 1 + LINE.length())));
            }
            if (text.startsWith(ID)) {
                return new Made(text.substring(ID.length()));
            }
            int at = text.indexOf('@');
            if (at > 0) {
                return new InPartition(
                        Integer.parseInt(text.substring(0, at)),
                        Long.parseLong(text.substring(at + 1)));
            }
        } catch (NumberFormatException e) {
            // Refused below.
        }
        throw new IllegalArgumentException(
                "\""
                        + text
                        + "\" is no position that this release can read: restore with the release"
                        + " that wrote it.");
    }
}
