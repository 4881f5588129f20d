package io.millrace.jobs.cli.config;

import io.millrace.jobs.cli.Arguments;
import io.millrace.jobs.cli.config.ConfigFile.Entry;
import io.millrace.jobs.cli.config.ConfigFile.InvalidConfigException;
import io.millrace.jobs.cli.config.ConfigFile.Kind;
import io.millrace.schemas.text.NearestName;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.Stack;
import java.util.regex.Pattern;
import picocli.CommandLine;
import picocli.CommandLine.IParameterPreprocessor;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;

/**
 * Puts the options of a configuration file before those of the command line, where that does not
 * have them itself. Picocli makes one for each command and calls it before it parses.
 */
public final class ConfiguredArguments implements IParameterPreprocessor {
    private static final Set<String> HELP = Set.of("-h", "--help", "-V", "--version");

    /** Lines of the file by the names of the options that were taken from it. */
    private final Map<String, String> origins = new LinkedHashMap<>();

    @Override
    public boolean preprocess(
            Stack<String> arguments, CommandSpec command, ArgSpec none, Map<String, Object> info) {
        origins.clear();
        List<String> typed = new ArrayList<>(arguments);
        Collections.reverse(typed);
        if (typed.stream().noneMatch(word -> word.startsWith(ConfigArgument.NAME))
                || typed.stream().anyMatch(HELP::contains)) {
            return false;
        }
        ParseResult given = parse(command, typed);
        Path path = given.matchedOptionValue(ConfigArgument.NAME, null);
        if (path == null) {
            return false;
        }
        List<String> before = new ArrayList<>();
        List<String> after = new ArrayList<>();
        try {
            expand(new ConfigFile(path), command, given, before, after);
        } catch (InvalidConfigException e) {
            throw new ParameterException(command.commandLine(), e.getMessage(), e);
        }
        arguments.clear();
        List<String> all = new ArrayList<>(before);
        all.addAll(typed);
        all.addAll(after);
        Collections.reverse(all);
        arguments.addAll(all);
        return false;
    }

    /** A message, with the lines of the options in it that the file has. */
    public String located(String message) {
        StringBuilder all = new StringBuilder(message);
        origins.forEach(
                (option, line) -> {
                    if (Pattern.compile("(?<![\\w-])" + Pattern.quote(option) + "(?![\\w-])")
                            .matcher(message)
                            .find()) {
                        all.append(" (").append(option).append(" is from ").append(line);
                        all.append(".)");
                    }
                });
        return all.toString();
    }

    /** What the command line has, whatever is missing or wrong in it. */
    private static ParseResult parse(CommandSpec command, List<String> typed) {
        CommandLine lenient =
                Arguments.withConverters(new CommandLine(command.userObject().getClass()));
        lenient.setUnmatchedArgumentsAllowed(true);
        lenient.setOverwrittenOptionsAllowed(true);
        lenient.getCommandSpec().parser().collectErrors(true);
        lenient.getCommandSpec().preprocessor((words, spec, argument, info) -> false);
        return lenient.parseArgs(typed.toArray(String[]::new));
    }

    private void expand(
            ConfigFile file,
            CommandSpec command,
            ParseResult given,
            List<String> before,
            List<String> after)
            throws InvalidConfigException {
        Map<String, ArgSpec> known = known(command);
        Map<ArgSpec, Entry> seen = new HashMap<>();
        for (Entry entry : file.read()) {
            String at = file.at(entry.line());
            ArgSpec argument = known.get(entry.name());
            if (argument == null) {
                String near = NearestName.of(entry.name(), known.keySet());
                throw new InvalidConfigException(
                        at
                                + "there is no option "
                                + entry.name()
                                + (near == null ? "." : ": did you mean " + near + "?"));
            }
            Entry earlier = seen.put(argument, entry);
            if (earlier != null) {
                throw new InvalidConfigException(
                        "%s%s is given already in line %d: leave one of them out."
                                .formatted(at, entry.name(), earlier.line()));
            }
            if (argument instanceof OptionSpec option) {
                if (!typed(option, given)) {
                    before.addAll(words(option, entry, at));
                    origins.put(option.longestName(), at.substring(0, at.length() - 2));
                }
            }
        }
        for (PositionalParamSpec parameter : command.positionalParameters()) {
            Entry entry = seen.get(parameter);
            if (entry != null && !given.hasMatchedPositional(parameter.index().min())) {
                String at = file.at(entry.line());
                if (entry.kind() != Kind.SCALAR) {
                    throw new InvalidConfigException(
                            at + entry.name() + " is a list or mapping: give one value.");
                }
                after.add(entry.values().get(0));
                origins.put(parameter.paramLabel(), at.substring(0, at.length() - 2));
            }
        }
    }

    /** Options by their names without dashes, parameters by their labels. */
    private static Map<String, ArgSpec> known(CommandSpec command) {
        Map<String, ArgSpec> known = new LinkedHashMap<>();
        for (OptionSpec option : command.options()) {
            if (!option.usageHelp()
                    && !option.versionHelp()
                    && !option.longestName().equals(ConfigArgument.NAME)) {
                for (String name : option.names()) {
                    known.put(name.replaceFirst("^-+", ""), option);
                }
            }
        }
        for (PositionalParamSpec parameter : command.positionalParameters()) {
            if (parameter.index().min() == parameter.index().max()) {
                known.put(parameter.paramLabel().toLowerCase(Locale.ROOT), parameter);
            }
        }
        return known;
    }

    /** Whether the command line has the option, or one of those that exclude it. */
    private static boolean typed(OptionSpec option, ParseResult given) {
        if (given.hasMatchedOption(option.longestName())) {
            return true;
        }
        return option.group() != null
                && option.group().exclusive()
                && option.group().options().stream()
                        .anyMatch(other -> given.hasMatchedOption(other.longestName()));
    }

    private static List<String> words(OptionSpec option, Entry entry, String at)
            throws InvalidConfigException {
        String name = option.longestName();
        if (option.arity().max() == 0) {
            return flag(name, entry, at);
        }
        boolean map = Map.class.isAssignableFrom(option.type());
        if (map && entry.kind() == Kind.SCALAR || !map && entry.kind() == Kind.MAPPING) {
            throw new InvalidConfigException(
                    at
                            + entry.name()
                            + (map
                                    ? " takes KEY: VALUE below it, one a line."
                                    : " takes no keys below it."));
        }
        if (!option.isMultiValue() && entry.kind() == Kind.LIST) {
            throw new InvalidConfigException(at + entry.name() + " takes one value, not a list.");
        }
        if (option.splitRegex().isEmpty()) {
            return entry.values().stream().map(value -> name + "=" + value).toList();
        }
        for (String value : entry.values()) {
            if (entry.kind() == Kind.LIST && value.contains(",")) {
                throw new InvalidConfigException(
                        at
                                + "'"
                                + value
                                + "' in "
                                + entry.name()
                                + " has a comma, which separates.");
            }
        }
        return List.of(name + "=" + String.join(",", entry.values()));
    }

    private static List<String> flag(String name, Entry entry, String at)
            throws InvalidConfigException {
        String value = entry.kind() == Kind.SCALAR ? entry.values().get(0) : "a list";
        return switch (value) {
            case "true" -> List.of(name);
            case "false" -> List.of();
            default ->
                    throw new InvalidConfigException(
                            "%s%s is %s: give true or false.".formatted(at, entry.name(), value));
        };
    }
}
