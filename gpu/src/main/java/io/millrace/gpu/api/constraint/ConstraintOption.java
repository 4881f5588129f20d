package io.millrace.gpu.api.constraint;

import io.millrace.gpu.common.Setting;
import io.millrace.gpu.common.Setting.Kind;
import io.millrace.gpu.common.Setting.Names;
import io.millrace.gpu.common.Setting.Values;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** The table of command-line options for a constraint, one row each. */
public enum ConstraintOption {
    JSON_SCHEMA(
            Names.of("jsonSchema", "--json-schema", "FILE"),
            "Each answer is JSON that is valid by the schema in this file, and ends within its"
                    + " max_tokens (docs/constraints.md).") {
        @Override
        public String text(Constraint constraint) {
            return constraint instanceof Constraint.JsonSchema json ? json.schema() : null;
        }

        @Override
        Constraint read(String value) {
            try {
                return new Constraint.JsonSchema(Files.readString(Path.of(value)));
            } catch (IOException | InvalidPathException e) {
                throw new IllegalArgumentException(
                        "--json-schema is %s, which cannot be read as UTF-8 text (%s): give a file."
                                .formatted(value, e),
                        e);
            }
        }
    },
    REGEX(
            Names.of("regex", "--regex", "PATTERN"),
            "Each answer is a text that this regular expression (ECMA-262) matches from its"
                    + " beginning to its end.") {
        @Override
        public String text(Constraint constraint) {
            return constraint instanceof Constraint.Regex regex ? regex.pattern() : null;
        }

        @Override
        Constraint read(String value) {
            return new Constraint.Regex(value);
        }
    },
    CHOICE(
            Names.of("choice", "--choice", "TEXT,..."),
            "Each answer is one of these texts, separated by commas.") {
        @Override
        public String text(Constraint constraint) {
            return constraint instanceof Constraint.Choice choice
                    ? String.join(",", choice.texts())
                    : null;
        }

        @Override
        Constraint read(String value) {
            return new Constraint.Choice(List.of(value.split(",", -1)));
        }
    };

    private final Setting setting;

    ConstraintOption(Names names, String sentence) {
        setting = new Setting(names, Values.optional(Kind.TEXT), sentence);
    }

    /** Names, values and meaning. */
    public Setting setting() {
        return setting;
    }

    /** What a constraint of this option says: of a file its text; null of another option's. */
    public abstract String text(Constraint constraint);

    abstract Constraint read(String value);

    /**
     * The constraint of some options.
     *
     * @param given the options' values
     * @return null if no option is given
     * @throws IllegalArgumentException more than one is given, or a file cannot be read
     */
    public static Constraint of(Map<ConstraintOption, Object> given) {
        if (given.size() > 1) {
            List<String> flags =
                    given.keySet().stream().sorted().map(o -> o.setting.names().flag()).toList();
            throw new IllegalArgumentException(
                    String.join(" and ", flags)
                            + " are given: an answer has one constraint, give one.");
        }
        for (Map.Entry<ConstraintOption, Object> one : given.entrySet()) {
            return one.getKey().read((String) one.getValue());
        }
        return null;
    }
}
