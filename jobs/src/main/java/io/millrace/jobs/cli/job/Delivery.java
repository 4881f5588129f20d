package io.millrace.jobs.cli.job;

import org.apache.flink.connector.base.DeliveryGuarantee;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** The delivery of answers to the output topic. */
public enum Delivery {
    /** In transactions, one answer per request. */
    EXACTLY_ONCE,
    /** At once, byte-equal duplicates after a failure. */
    AT_LEAST_ONCE;

    DeliveryGuarantee guarantee() {
        return this == EXACTLY_ONCE
                ? DeliveryGuarantee.EXACTLY_ONCE
                : DeliveryGuarantee.AT_LEAST_ONCE;
    }

    /** Reads the names with a dash. */
    static final class Converter implements ITypeConverter<Delivery> {
        @Override
        public Delivery convert(String value) {
            return switch (value) {
                case "exactly-once" -> EXACTLY_ONCE;
                case "at-least-once" -> AT_LEAST_ONCE;
                default ->
                        throw new TypeConversionException(
                                "'" + value + "' is unknown: use exactly-once or at-least-once");
            };
        }
    }
}
