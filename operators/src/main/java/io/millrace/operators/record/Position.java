package io.millrace.operators.record;

/**
 * Where in its source a record lies. State and wire keep it as text and look no further, so that
 * every kind of source is the equal of a topic.
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
     * A row of a file whose rows may be longer than a line.
     *
     * @param number of the row, from 1
     * @param line in which it begins, from 1
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
     * In no source: made by operators of other records, and named by its request's id.
     *
     * @param id of the request
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

    /** Begins the text of a line. */
    String LINE = "line ";

    /** Begins the text of a row. */
    String ROW = "row ";

    /** Begins the text of what was made. */
    String ID = "id ";

    /** What dead letters call the partition; 0 where the source has none. */
    int partition();

    /** What dead letters call the offset; the number of a line. */
    long offset();

    /** This position as {@link #parse} reads it. */
    String text();

    /** The place in words that logs and messages share, such as {@code prompts-3@17}. */
    String in(String source);

    /**
     * Reads what {@link #text} gave.
     *
     * @throws IllegalArgumentException it is none of this release's positions
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
            // Said below.
        }
        throw new IllegalArgumentException(
                "\""
                        + text
                        + "\" is no position in a topic or a file that this release knows: restore"
                        + " with the release that wrote it.");
    }
}
