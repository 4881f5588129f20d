package io.millrace.jobs.cli;

import java.io.PrintStream;
import java.util.Locale;

/**
 * Progress lines of a command. On a terminal a percentage is updated in place; otherwise each phase
 * is one line. Safe for any thread.
 */
public final class Progress {
    private static final int LABEL = 8;
    private static final long REFRESH_NANOS = 100_000_000;

    private final PrintStream out;
    private final boolean terminal;
    private boolean open;
    private long lastNanos;

    public Progress(PrintStream out) {
        this.out = out;
        // Either stream may go to a file, which must not get control characters.
        this.terminal =
                out == System.err ? Boolean.getBoolean("millrace.terminal.err") : isTerminal();
    }

    /** Whether the command is interactive: the launcher checked standard input and output. */
    public static boolean isTerminal() {
        return Boolean.getBoolean("millrace.terminal");
    }

    /** Prints a finished line with a label. */
    public synchronized void line(String label, String format, Object... arguments) {
        clear();
        String text =
                arguments.length == 0 ? format : String.format(Locale.ROOT, format, arguments);
        out.println(pad(label) + text);
        out.flush();
    }

    /** Prints a line without a label. */
    public synchronized void plain(String text) {
        clear();
        out.println(text);
        out.flush();
    }

    /** A percentage, on a terminal only. */
    public synchronized void percent(String label, String phase, long done, long total) {
        long now = System.nanoTime();
        if (!terminal || total <= 0 || open && done < total && now - lastNanos < REFRESH_NANOS) {
            return;
        }
        lastNanos = now;
        open = true;
        out.print("\r\u001b[K" + pad(label) + phase + " " + done * 100 / total + " %");
        out.flush();
    }

    private void clear() {
        if (open) {
            out.print("\r\u001b[K");
            open = false;
        }
    }

    private static String pad(String label) {
        return label + " ".repeat(Math.max(1, LABEL - label.length()));
    }
}
