package io.millrace.jobs;

import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

/** Writes the tables of {@code docs/options.md} from the command line's own definition. */
final class OptionsDocument {
    private OptionsDocument() {}

    static String text() {
        StringBuilder text = new StringBuilder();
        text.append("# Options\n\n");
        text.append("Made from the program's own definition by `DocsTest`; do not edit by hand:\n");
        text.append(
                "`mvn -pl jobs -am test -Dtest=DocsTest -Dsurefire.failIfNoSpecifiedTests=false ");
        text.append("-Dmillrace.docs.write=true`.\n\n");
        text.append("Options of `run`, `corpus`, `submit` and `generate` can stand in a file too ");
        text.append("([config.md](config.md)). ");
        text.append("Each command also has `--help` and `--version`. What exit codes say is in ");
        text.append("[running.md](running.md#exit-codes).\n");
        Millrace.commandLine(null)
                .getSubcommands()
                .forEach((name, command) -> command(text, name, command));
        return text.toString();
    }

    private static void command(StringBuilder text, String name, CommandLine command) {
        text.append("\n## millrace ").append(name).append("\n\n");
        for (String line : command.getCommandSpec().usageMessage().description()) {
            text.append(escaped(line)).append('\n');
        }
        text.append("\n| option | default | meaning |\n|---|---|---|\n");
        for (PositionalParamSpec parameter : command.getCommandSpec().positionalParameters()) {
            String needed = parameter.arity().min() == 0 ? "" : "required";
            row(text, "`" + parameter.paramLabel() + "`", needed, parameter.description());
        }
        for (OptionSpec option : command.getCommandSpec().options()) {
            if (option.usageHelp() || option.versionHelp()) {
                continue;
            }
            List<String> names = new ArrayList<>();
            for (String each : option.names()) {
                names.add("`" + each + "`");
            }
            String label =
                    option.arity().max() == 0 ? "" : " `" + escaped(option.paramLabel()) + "`";
            row(text, String.join(", ", names) + label, defaultOf(option), option.description());
        }
    }

    private static String defaultOf(OptionSpec option) {
        // Picocli counts each of two alternatives as required.
        if (option.required() && option.group() == null) {
            return "required";
        }
        String value = option.defaultValue();
        return value == null ? "" : "`" + value + "`";
    }

    private static void row(StringBuilder text, String name, String value, String[] description) {
        text.append("| ")
                .append(name)
                .append(" | ")
                .append(value)
                .append(" | ")
                .append(escaped(String.join(" ", description)))
                .append(" |\n");
    }

    private static String escaped(String text) {
        return text.replace("|", "\\|");
    }
}
