package io.millrace.gpu.sampling.grammar.schema;

import io.millrace.gpu.sampling.grammar.shape.SchemaException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The drafts of JSON Schema, as far as they differ here. */
enum Draft {
    DRAFT_4,
    DRAFT_6,
    DRAFT_7,
    DRAFT_2019,
    DRAFT_2020;

    private static final Pattern NAME =
            Pattern.compile(
                    "https?://json-schema\\.org/(?:draft-0([467])/schema"
                            + "|draft/(2019-09|2020-12)/schema)#?");

    /**
     * The draft that {@code $schema} names; the newest for null.
     *
     * @throws SchemaException the name is unknown
     */
    static Draft of(String name) {
        if (name == null || name.matches("https?://json-schema\\.org/schema#?")) {
            return DRAFT_2020;
        }
        Matcher matcher = NAME.matcher(name);
        if (!matcher.matches()) {
            throw new SchemaException("$schema", "", "'" + name + "' is not a known draft");
        }
        if (matcher.group(2) != null) {
            return matcher.group(2).startsWith("2019") ? DRAFT_2019 : DRAFT_2020;
        }
        return switch (matcher.group(1)) {
            case "4" -> DRAFT_4;
            case "6" -> DRAFT_6;
            default -> DRAFT_7;
        };
    }

    /** Whether keywords beside {@code $ref} have an effect. */
    boolean refHasSiblings() {
        return compareTo(DRAFT_2019) >= 0;
    }
}
