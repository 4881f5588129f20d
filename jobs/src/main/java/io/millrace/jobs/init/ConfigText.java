package io.millrace.jobs.init;

import com.fasterxml.jackson.databind.node.TextNode;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Pattern;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/** Writes the lines of a configuration file: options with comments above them. */
final class ConfigText {
    private static final int WIDTH = 100;
    private static final Pattern PLAIN = Pattern.compile("[A-Za-z0-9_/][A-Za-z0-9_./-]*");

    private final StringBuilder text = new StringBuilder();

    /** A paragraph of comment. */
    ConfigText comment(String words) {
        StringBuilder line = new StringBuilder("#");
        for (String word : words.split(" ")) {
            if (line.length() + word.length() >= WIDTH) {
                text.append(line).append('\n');
                line.setLength(1);
            }
            line.append(' ').append(word);
        }
        text.append(line).append('\n');
        return this;
    }

    ConfigText blank() {
        text.append('\n');
        return this;
    }

    ConfigText option(String name, String value) {
        text.append(name).append(": ").append(scalar(value)).append('\n');
        return this;
    }

    ConfigText flag(String name, boolean value) {
        text.append(name).append(": ").append(value).append('\n');
        return this;
    }

    ConfigText list(String name, List<String> values) {
        text.append(name).append(": [");
        text.append(String.join(", ", values.stream().map(ConfigText::scalar).toList()));
        text.append("]\n");
        return this;
    }

    /** An option that is not set, with what it does and its default, or the form of its values. */
    ConfigText unset(CommandSpec command, String name) {
        OptionSpec option = command.findOption("--" + name);
        comment(String.join(" ", Arrays.asList(option.description())));
        boolean flag = option.arity().max() == 0;
        String value = flag ? "true" : option.defaultValue();
        text.append("# ").append(name).append(": ");
        text.append(value == null ? option.paramLabel() : flag ? value : scalar(value));
        text.append('\n');
        return this;
    }

    /** A value as YAML; quoted where it is not plain. */
    static String scalar(String value) {
        return PLAIN.matcher(value).matches() && !value.equals("null")
                ? value
                : TextNode.valueOf(value).toString();
    }

    @Override
    public String toString() {
        return text.toString();
    }
}
