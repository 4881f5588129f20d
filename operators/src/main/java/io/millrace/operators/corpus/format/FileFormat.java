package io.millrace.operators.corpus.format;

import java.io.Serializable;

/**
 * What a file of rows is made of. Its output is made of the same.
 *
 * @param rows what a row is
 * @param delimiter between the cells of a CSV row, one ASCII character
 * @param compression of the whole
 */
public record FileFormat(Rows rows, char delimiter, Compression compression)
        implements Serializable {
    /** Kinds of rows. */
    public enum Rows {
        /** A JSON object a line. */
        JSONL,
        /** A record of RFC 4180; the first one is the header. */
        CSV,
        /** A record of a Parquet file. */
        PARQUET
    }

    /**
     * The format that a file's name tells, null for none.
     *
     * @param rows what rows are whatever the name says; null to go by it
     * @param delimiter between cells whatever the name says; null to go by it
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
