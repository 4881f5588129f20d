package io.millrace.gpu.text.jinja.value;

/**
 * Limits of one rendering. All are counts, not times, so that a template is refused always or
 * never.
 *
 * @param steps statements and expressions evaluated, elements visited
 * @param text characters of the output, or of any intermediate string
 * @param produced characters of all intermediate strings; an element of a list counts as 16
 * @param elements elements of any one list, or range
 * @param depth nested statements, expressions and macro calls
 */
public record TemplateLimits(long steps, long text, long produced, long elements, int depth) {
    public static final TemplateLimits DEFAULT =
            new TemplateLimits(5_000_000, 4L << 20, 64L << 20, 200_000, 300);
}
