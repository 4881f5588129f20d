package io.millrace.gpu.text.jinja.value;

/**
 * What one rendering may cost at most. All are counted, none is measured by a clock, so that a
 * template that is refused once is refused always.
 *
 * @param steps statements and expressions evaluated, elements looked at
 * @param text characters of the output, or of any one string on the way
 * @param produced characters of all strings made on the way, and of lists, an element as 16
 * @param elements elements of any one list, or range
 * @param depth statements, expressions and macro calls inside each other
 */
public record TemplateLimits(long steps, long text, long produced, long elements, int depth) {
    public static final TemplateLimits DEFAULT =
            new TemplateLimits(5_000_000, 4L << 20, 64L << 20, 200_000, 300);
}
