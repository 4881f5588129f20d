package io.millrace.gpu.prompt;

import io.millrace.gpu.api.RequestRejectedException;
import io.millrace.gpu.api.RequestRejectedException.Reason;
import io.millrace.gpu.text.jinja.render.Renderer;
import io.millrace.gpu.text.jinja.syntax.Parser;
import io.millrace.gpu.text.jinja.syntax.Statement;
import io.millrace.gpu.text.jinja.value.TemplateException;
import io.millrace.gpu.text.jinja.value.TemplateLimits;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A user's template, which renders any values as text: the Jinja of chat templates, but for two
 * things. To make text of a value that is not there is an error, in whatever way it is made, since
 * a misspelt name would silently give a prompt with a hole. And the entries of a map come before
 * its methods, which are found where they are called: a field may be named items. Immutable and
 * safe for any thread; equal values and clocks give equal text.
 */
public final class PromptTemplate {
    /** Most characters of a template. */
    private static final int LONGEST_SOURCE = 1 << 20;

    /** About a millisecond. */
    private static final TemplateLimits BRIEF =
            new TemplateLimits(
                    20_000,
                    1 << 18,
                    1 << 20,
                    TemplateLimits.DEFAULT.elements(),
                    TemplateLimits.DEFAULT.depth());

    private final List<Statement> statements;

    private PromptTemplate(List<Statement> statements) {
        this.statements = statements;
    }

    /**
     * Parses a template.
     *
     * @throws IllegalArgumentException a malformed or unsupported construct, with its line
     */
    public static PromptTemplate parse(String source) {
        if (source.length() > LONGEST_SOURCE) {
            throw new IllegalArgumentException(
                    "it has %d characters, at most %d can be read"
                            .formatted(source.length(), LONGEST_SOURCE));
        }
        try {
            return new PromptTemplate(Parser.parse(source));
        } catch (TemplateException e) {
            throw new IllegalArgumentException(place(e), e);
        }
    }

    /**
     * Renders strings, numbers, booleans, lists, maps, and null for None.
     *
     * @param clock the UTC time of strftime_now
     * @throws RequestRejectedException the template cannot render the values, with its line; or it
     *     refuses them by raise_exception, with its own message
     */
    public String render(Map<String, ?> values, Instant clock) throws RequestRejectedException {
        try {
            return render(values, clock, TemplateLimits.DEFAULT);
        } catch (TemplateException e) {
            throw rejected(e);
        }
    }

    /** As {@link #render}; empty where that takes more than about a millisecond. */
    public Optional<String> renderBriefly(Map<String, ?> values, Instant clock)
            throws RequestRejectedException {
        try {
            return Optional.of(render(values, clock, BRIEF));
        } catch (TemplateException e) {
            if (e.isLimit()) {
                return Optional.empty();
            }
            throw rejected(e);
        }
    }

    private String render(Map<String, ?> values, Instant clock, TemplateLimits limits) {
        return new Renderer(limits, clock, true).render(statements, values);
    }

    private static RequestRejectedException rejected(TemplateException e) {
        return new RequestRejectedException(
                Reason.INVALID_PARAMETER, e.isRaised() ? e.getMessage() : place(e));
    }

    private static String place(TemplateException e) {
        return "line " + e.line() + " of the template: " + e.problem();
    }
}
