package io.millrace.operators.corpus.format;

import java.io.Serializable;

/**
 * The format of a file of rows. Its output has the same format.
 *
 * @param rows kind of rows
 * @param delimiter separator of CSV cells, one ASCII character
 * @param compression compression of the whole file
 */
public record FileFormat(Rows rows, char delimiter, Compression compression)
        implements Serializable {
    /** Kinds of rows. */
    public enum Rows {
        /** A JSON object per line. */
        JSONL,
        /** A record as in RFC 4180; the first one is the header. */
        CSV,
        /** A record of a Parquet file. */
        PARQUET,
        /** A request of OpenAI's batch format a line; no file's name tells it. */
        OPENAI_BATCH;

        /** As options have it. */
        @Override
        public String toString() {
            return name().replace('_', '-');
        }
    }

    /**
     * The format by a file name's ending; null if the ending is unknown.
     *
     * @param rows overrides the kind of rows; null for none
     * @param delimiter overrides the delimiter; null for none
     */
    public static FileFormat of(String name, Rows rows, Character delimiter) {
        Compression compression = Compression.of(name);
        String bare = compression.bare(name);
        boolean tabs = bare.endsWith(".tsv");
        Rows named = null;
        if (bare.endsWith(".jsonl") || bare.endsWith(".ndjson")) {
            named = Rows.JSONL;
        } else if (bare.endsWith(".csv") || tabs) {
            named = Rows.CSV;
        } else if (bare.endsWith(".parquet")) {
            named = Rows.PARQUET;
        }
        Rows kind = rows == null ? named : rows;
        if (kind == null || kind == Rows.PARQUET && compression != Compression.NONE) {
            return null;
        }
        return new FileFormat(kind, delimiter != null ? delimiter : tabs ? '\t' : ',', compression);
    }
}
