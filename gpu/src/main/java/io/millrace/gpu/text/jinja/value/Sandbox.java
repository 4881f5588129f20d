package io.millrace.gpu.text.jinja.value;

/** Counts the cost of one rendering, and ends it at a limit. */
public final class Sandbox {
    /** Characters whose scanning counts as one step. */
    private static final int SCAN = 64;

    /** Characters that an element of a list counts as. */
    private static final int ELEMENT = 16;

    private static final int LARGEST_INTEGER_BITS = 4096;

    private final TemplateLimits limits;
    private long steps;
    private long produced;
    private int depth;
    private int line = 1;

    public Sandbox(TemplateLimits limits) {
        this.limits = limits;
    }

    /** The line that is being rendered, for errors. */
    public int line() {
        return line;
    }

    public void at(int newLine) {
        line = newLine;
    }

    public void step() {
        steps(1);
    }

    void steps(long n) {
        steps += n;
        if (steps > limits.steps()) {
            throw TemplateException.limit("takes more than " + limits.steps() + " steps");
        }
    }

    /** Counts the scanning of characters. */
    public void scan(long characters) {
        steps(1 + characters / SCAN);
    }

    /** Counts a string that is about to be made. */
    public void text(long characters) {
        if (characters > limits.text()) {
            throw TemplateException.limit(
                    "makes a text longer than " + limits.text() + " characters");
        }
        produce(characters);
    }

    /** Counts a list that is about to be made. */
    public void elements(long count) {
        if (count > limits.elements()) {
            throw TemplateException.limit(
                    "makes a list of more than " + limits.elements() + " elements");
        }
        steps(count);
        produce(count * ELEMENT);
    }

    /** Checks an integer that is about to be made. */
    void integer(long bits) {
        if (bits > LARGEST_INTEGER_BITS) {
            throw TemplateException.limit(
                    "makes an integer of more than " + LARGEST_INTEGER_BITS + " bits");
        }
    }

    /**
     * Enters a nesting level; paired with {@link #leave}, unless an exception ends the rendering.
     */
    public void enter() {
        if (++depth > limits.depth()) {
            throw TemplateException.limit(
                    "is nested or recurses more than " + limits.depth() + " levels deep");
        }
        step();
    }

    public void leave() {
        depth--;
    }

    long textLimit() {
        return limits.text();
    }

    private void produce(long amount) {
        produced += amount;
        if (produced > limits.produced()) {
            throw TemplateException.limit(
                    "makes more than " + limits.produced() + " characters of text on the way");
        }
    }
}
