package io.millrace.operators.corpus.format;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.Serializable;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.GZIPOutputStream;

/**
 * What a file of rows is made of. Its output is made of the same.
 *
 * @param rows what a row is
 * @param delimiter between the cells of a CSV row, one ASCII character
 * @param gzip whether the whole is compressed
 */
public record FileFormat(Rows rows, char delimiter, boolean gzip) implements Serializable {
    private static final int BUFFER = 1 << 16;

    /** Kinds of rows. */
    public enum Rows {
        /** A JSON object a line. */
        JSONL,
        /** A record of RFC 4180; the first one is the header. */
        CSV
    }

    /**
     * The format that a file's name tells, null for none.
     *
     * @param rows what rows are whatever the name says; null to go by it
     * @param delimiter between cells whatever the name says; null to go by it
     */
    public static FileFormat of(String name, Rows rows, Character delimiter) {
        boolean gzip = name.endsWith(".gz");
        String bare = gzip ? name.substring(0, name.length() - 3) : name;
        boolean tabs = bare.endsWith(".tsv");
        Rows named = null;
        if (bare.endsWith(".jsonl") || bare.endsWith(".ndjson")) {
            named = Rows.JSONL;
        } else if (bare.endsWith(".csv") || tabs) {
            named = Rows.CSV;
        }
        Rows kind = rows == null ? named : rows;
        if (kind == null) {
            return null;
        }
        return new FileFormat(kind, delimiter != null ? delimiter : tabs ? '\t' : ',', gzip);
    }

    /**
     * Opens a file.
     *
     * @param from where to begin
     * @throws UnreadableFileException its beginning is not of this format
     */
    public RowReader open(Path file, Place from) throws IOException {
        InputStream in = Files.newInputStream(file);
        try {
            InputStream plain = gzip ? new GzipBytes(new BufferedInputStream(in, BUFFER)) : in;
            RowBytes bytes = new RowBytes(plain);
            return rows == Rows.CSV
                    ? new CsvRows(bytes, delimiter, from)
                    : new JsonRows(bytes, from);
        } catch (IOException | RuntimeException e) {
            in.close();
            throw e;
        }
    }

    /** Bytes as the output has them; closing it closes {@code out}. */
    public OutputStream compress(OutputStream out) throws IOException {
        return gzip ? new GZIPOutputStream(out, BUFFER) : out;
    }
}
