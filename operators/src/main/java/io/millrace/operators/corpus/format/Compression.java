package io.millrace.operators.corpus.format;

/** How a file is compressed as a whole. */
public enum Compression {
    NONE(""),
    GZIP(".gz"),
    XZ(".xz"),
    ZSTD(".zst");

    private final String ending;

    Compression(String ending) {
        this.ending = ending;
    }

    /** The one that a file's name tells. */
    static Compression of(String name) {
        for (Compression each : values()) {
            if (each != NONE && name.endsWith(each.ending)) {
                return each;
            }
        }
        return NONE;
    }

    /** A file's name without what tells the compression. */
    String bare(String name) {
        return name.substring(0, name.length() - ending.length());
    }
}
