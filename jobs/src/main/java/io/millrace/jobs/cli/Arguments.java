package io.millrace.jobs.cli;

import io.millrace.schemas.codec.record.WireFormat;
import java.time.Duration;
import java.util.function.Function;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.util.TimeUtils;
import picocli.CommandLine;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Reads arguments into groups of options, with the types that our options have. */
public final class Arguments {
    private Arguments() {}

    /** Fills an argument group from code, defaults included. */
    public static <T> T parse(T group, String... arguments) {
        withConverters(new CommandLine(group)).parseArgs(arguments);
        return group;
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
