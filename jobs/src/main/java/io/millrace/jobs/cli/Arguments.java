package io.millrace.jobs.cli;

import io.millrace.gpu.common.Setting;
import io.millrace.schemas.codec.record.WireFormat;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.util.TimeUtils;
import picocli.CommandLine;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.IGetter;
import picocli.CommandLine.Model.ISetter;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.TypeConversionException;

/** Parses arguments into groups of options, with converters for our types. */
public final class Arguments {
    private Arguments() {}

    /** Fills an argument group from code, defaults included. */
    public static <T> T parse(T group, String... arguments) {
        withConverters(new CommandLine(group)).parseArgs(arguments);
        return group;
    }

    /**
     * Makes options from the rows of a table.
     *
     * @param setting definition of a row
     * @param given receives the values, given or default, of the types of {@link Setting.Kind};
     *     rows without a flag are left out
     */
    public static <R> CommandSpec table(
            List<R> rows, Function<R, Setting> setting, Map<R, Object> given) {
        CommandSpec options = CommandSpec.create();
        for (R row : rows) {
            Setting said = setting.apply(row);
            if (said.names().flag() != null) {
                options.addOption(
                        option(
                                said,
                                () -> given.get(row),
                                value -> {
                                    if (value == null) {
                                        given.remove(row);
                                    } else {
                                        given.put(row, value);
                                    }
                                }));
            }
        }
        return options;
    }

    /** Makes an option from a row of a table. */
    static CommandSpec row(Setting setting, Consumer<Object> taken) {
        return CommandSpec.create().addOption(option(setting, () -> null, taken));
    }

    /** Refuses values out of range, with one sentence. */
    public static <R> void check(Map<R, Object> given, Function<R, Setting> setting) {
        given.forEach(
                (row, value) -> {
                    String fault = setting.apply(row).fault(value);
                    if (fault != null) {
                        throw new CommandFailedException(fault);
                    }
                });
    }

    private static OptionSpec option(
            Setting setting, Supplier<Object> getter, Consumer<Object> setter) {
        Setting.Values values = setting.values();
        List<String> names = new ArrayList<>(setting.names().aliases());
        names.add(setting.names().flag());
        OptionSpec.Builder option =
                OptionSpec.builder(names.toArray(String[]::new))
                        .description(setting.description())
                        .required(values.required())
                        .type(type(values))
                        .getter(
                                new IGetter() {
                                    @Override
                                    @SuppressWarnings("unchecked") // Picocli asks for objects.
                                    public <T> T get() {
                                        return (T) getter.get();
                                    }
                                })
                        .setter(
                                new ISetter() {
                                    @Override
                                    public <T> T set(T value) {
                                        setter.accept(
                                                value instanceof MemorySize size
                                                        ? (Object) size.getBytes()
                                                        : value);
                                        return null;
                                    }
                                });
        if (values.kind() == Setting.Kind.TEXTS) {
            option.auxiliaryTypes(String.class);
        }
        if (setting.label() != null) {
            option.paramLabel(setting.label());
        }
        if (values.shown() != null) {
            option.defaultValue(values.shown());
        }
        return option.build();
    }

    private static Class<?> type(Setting.Values values) {
        return switch (values.kind()) {
            case FLAG -> boolean.class;
            case TEXT -> String.class;
            case TEXTS -> List.class;
            case INT -> Integer.class;
            case LONG -> Long.class;
            case DOUBLE -> Double.class;
            case BYTES -> MemorySize.class;
            case TIME -> Duration.class;
            case ONE_OF -> ((Enum<?>) values.fallback()).getDeclaringClass();
        };
    }

    public static CommandLine withConverters(CommandLine line) {
        line.registerConverter(
                Duration.class, checked(TimeUtils::parseDuration, "a time such as 500ms or 10s"));
        line.registerConverter(
                MemorySize.class, checked(MemorySize::parse, "a size such as 512m or 20g"));
        line.registerConverter(
                WireFormat.class, checked(WireFormat::parse, "json, avro or confluent"));
        line.setCaseInsensitiveEnumValuesAllowed(true);
        return line;
    }

    private static <T> ITypeConverter<T> checked(Function<String, T> parse, String wanted) {
        return text -> {
            try {
                return parse.apply(text);
            } catch (IllegalArgumentException e) {
                throw new TypeConversionException("'" + text + "' is not " + wanted);
            }
        };
    }
}
