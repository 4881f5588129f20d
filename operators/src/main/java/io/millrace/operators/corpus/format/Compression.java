package io.millrace.operators.corpus.format;

/** Compression of a whole file. */
public enum Compression {
    NONE(""),
    GZIP(".gz"),
    XZ(".xz"),
    ZSTD(".zst");

    private final String ending;

    Compression(String ending) {
        this.ending = ending;
    }

    /** The compression by a file name's ending. */
    static Compression of(String name) {
        for (Compression each : values()) {
            if (each != NONE && name.endsWith(each.ending)) {
                return each;
            }
        }
        return NONE;
    }

    /** A file name without the ending of the compression. */
    String bare(String name) {
        return name.substring(0, name.length() - ending.length());
    }
}
