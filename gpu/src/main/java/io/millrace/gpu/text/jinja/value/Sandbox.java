package io.millrace.gpu.text.jinja.value;

/** Counts what one rendering costs, and ends it where a limit is passed. */
public final class Sandbox {
    /** Characters that may be scanned for the price of one step. */
    private static final int SCAN = 64;

    /** What an element of a list counts for, in characters. */
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

    /** The line now worked on, for errors. */
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
            throw TemplateException.of("takes more than " + limits.steps() + " steps");
        }
    }

    /** Reading through this many characters. */
    public void scan(long characters) {
        steps(1 + characters / SCAN);
    }

    /** A string of this length is about to be made. */
    public void text(long characters) {
        if (characters > limits.text()) {
            throw TemplateException.of("makes a text longer than " + limits.text() + " characters");
        }
        produce(characters);
    }

    /** A list of this length is about to be made. */
    public void elements(long count) {
        if (count > limits.elements()) {
            throw TemplateException.of(
                    "makes a list of more than " + limits.elements() + " elements");
        }
        steps(count);
        produce(count * ELEMENT);
    }

    /** An integer of this size is about to be made. */
    void integer(long bits) {
        if (bits > LARGEST_INTEGER_BITS) {
            throw TemplateException.of(
                    "makes an integer of more than " + LARGEST_INTEGER_BITS + " bits");
        }
    }

    /** One level further in; to be paired with {@link #leave} (not needed after an exception). */
    public void enter() {
        if (++depth > limits.depth()) {
            throw TemplateException.of(
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
            throw TemplateException.of(
                    "makes more than " + limits.produced() + " characters of text on the way");
        }
    }
}
