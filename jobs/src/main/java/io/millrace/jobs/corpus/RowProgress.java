package io.millrace.jobs.corpus;

import java.util.Locale;

/** Says how far a corpus is, and how long the rest will take. One thread. */
final class RowProgress {
    private final long totalBytes;
    private final int totalFiles;
    private final long beganNanos;

    /** Bytes of rows that were done before; -1 until it is known. */
    private long before = -1;

    /**
     * @param totalBytes about how many bytes all rows have
     */
    RowProgress(long totalBytes, int totalFiles, long beganNanos) {
        this.totalBytes = totalBytes;
        this.totalFiles = totalFiles;
        this.beganNanos = beganNanos;
    }

    /** Of all bytes, those that are done. */
    long percent(Counts counts) {
        return totalBytes == 0 ? 100 : Math.min(100, counts.bytes() * 100 / totalBytes);
    }

    String text(Counts counts, long nowNanos) {
        if (before < 0) {
            before = counts.bytes();
        }
        double seconds = (nowNanos - beganNanos) / 1e9;
        return String.format(
                Locale.ROOT,
                "%,d rows (%,d failed), %,d of %,d files, %,d tokens, %,.0f tokens/s%s",
                counts.rows(),
                counts.failures(),
                counts.files(),
                totalFiles,
                counts.tokens(),
                counts.tokensNow() / seconds,
                left(counts, seconds));
    }

    /** Nothing where there is no telling. */
    private String left(Counts counts, double seconds) {
        double rate = (counts.bytes() - before) / seconds;
        if (rate <= 0 || counts.bytes() >= totalBytes) {
            return "";
        }
        long left = (long) ((totalBytes - counts.bytes()) / rate);
        return String.format(
                Locale.ROOT, ", %d:%02d:%02d left", left / 3600, left / 60 % 60, left % 60);
    }
}
