package io.millrace.jobs.cli.job;

import io.millrace.operators.kafka.source.StartingPoint;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Reads {@code earliest}, {@code latest} or {@code timestamp:WHEN}. */
final class StartingPointConverter implements ITypeConverter<StartingPoint> {
    private static final String PREFIX = "timestamp:";

    @Override
    public StartingPoint convert(String text) {
        if (text.equals("earliest")) {
            return StartingPoint.EARLIEST;
        }
        if (text.equals("latest")) {
            return StartingPoint.LATEST;
        }
        if (text.startsWith(PREFIX)) {
            return StartingPoint.timestamp(milliseconds(text.substring(PREFIX.length())));
        }
        throw new TypeConversionException(
                "'" + text + "' is unknown: use earliest, latest or timestamp:WHEN");
    }

    private static long milliseconds(String when) {
        try {
            long ms =
                    when.matches("\\d{1,18}")
                            ? Long.parseLong(when)
                            : Instant.parse(when).toEpochMilli();
            if (ms >= 0) {
                return ms;
            }
        } catch (DateTimeParseException e) {
            // Refused below.
        }
        throw new TypeConversionException(
                "'"
                        + when
                        + "' is no time since 1970: use milliseconds or a time such as"
                        + " 2026-11-22T18:00:00Z");
    }
}
