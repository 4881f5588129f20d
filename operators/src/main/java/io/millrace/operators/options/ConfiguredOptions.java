package io.millrace.operators.options;

import io.millrace.gpu.api.EngineOption;
import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.OptionNames;
import io.millrace.gpu.common.Setting;
import io.millrace.schemas.text.NearestName;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ConfigOptions;
import org.apache.flink.configuration.ConfigOptions.TypedConfigOptionBuilder;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.configuration.ReadableConfig;

/**
 * The options of engine and pipeline as keys of Flink's configuration: those of the command line,
 * with {@code millrace.} instead of the dashes, such as {@code millrace.block-size}.
 */
public final class ConfiguredOptions {
    private static final String PREFIX = "millrace.";

    private ConfiguredOptions() {}

    /** All options, the engine's first. */
    public static List<ConfigOption<?>> all() {
        List<ConfigOption<?>> all = new ArrayList<>();
        for (List<Setting> table : List.of(EngineOption.settings(), PipelineOption.settings())) {
            for (Setting setting : table) {
                if (setting.names().key() != null) {
                    all.add(option(setting));
                }
            }
        }
        return all;
    }

    /**
     * The configured options, with defaults for the others.
     *
     * @throws IllegalArgumentException one sentence with the key: no model, an invalid value or one
     *     out of range, or an unknown key
     */
    public static PipelineOptions.Builder read(ReadableConfig configuration) {
        refuseUnknown(configuration);
        Map<EngineOption, Object> engine =
                values(configuration, EngineOption.values(), EngineOption::setting);
        if (!engine.containsKey(EngineOption.MODEL)) {
            String key = EngineOption.MODEL.setting().names().key();
            throw new IllegalArgumentException(
                    key + " is missing: give the folder of the model in Hugging Face form.");
        }
        PipelineOptions.Builder builder =
                PipelineOptions.builder(EngineOptions.of(engine, OptionNames.CONFIGURATION));
        values(configuration, PipelineOption.values(), PipelineOption::setting)
                .forEach((option, value) -> option.set(builder, value));
        return builder;
    }

    private static void refuseUnknown(ReadableConfig configuration) {
        List<String> known = all().stream().map(ConfigOption::key).toList();
        for (String key : configuration.toMap().keySet()) {
            if (key.startsWith(PREFIX) && !known.contains(key)) {
                String near = NearestName.of(key, known);
                throw new IllegalArgumentException(
                        key
                                + " is unknown"
                                + (near == null ? "." : ": did you mean " + near + "?"));
            }
        }
    }

    private static <R> Map<R, Object> values(
            ReadableConfig configuration, R[] rows, Function<R, Setting> settings) {
        Map<R, Object> given = new LinkedHashMap<>();
        for (R row : rows) {
            Setting setting = settings.apply(row);
            if (setting.names().key() == null) {
                continue;
            }
            configuration
                    .getOptional(option(setting))
                    .ifPresent(value -> given.put(row, checked(setting, inJava(value))));
        }
        return given;
    }

    private static Object inJava(Object value) {
        return value instanceof MemorySize size ? (Object) size.getBytes() : value;
    }

    private static Object checked(Setting setting, Object value) {
        String fault = setting.fault(value);
        if (fault != null) {
            throw new IllegalArgumentException(
                    PipelineOption.say(OptionNames.CONFIGURATION, fault));
        }
        return value;
    }

    private static ConfigOption<?> option(Setting setting) {
        Setting.Values values = setting.values();
        ConfigOptions.OptionBuilder key = ConfigOptions.key(setting.names().key());
        Object fallback = values.otherwise() == null ? values.fallback() : null;
        return switch (values.kind()) {
            case FLAG -> option(key.booleanType(), fallback, setting);
            case TEXT -> option(key.stringType(), fallback, setting);
            case TEXTS -> throw new IllegalArgumentException(setting + " is a list.");
            case INT -> option(key.intType(), fallback, setting);
            case LONG -> option(key.longType(), fallback, setting);
            case DOUBLE -> option(key.doubleType(), fallback, setting);
            case BYTES -> option(key.memoryType(), new MemorySize((long) fallback), setting);
            case TIME -> option(key.durationType(), fallback, setting);
            case ONE_OF -> option(enumType(key, values), fallback, setting);
        };
    }

    @SuppressWarnings({"unchecked", "rawtypes"}) // The enum is known at run time only.
    private static TypedConfigOptionBuilder<?> enumType(
            ConfigOptions.OptionBuilder key, Setting.Values values) {
        return key.enumType((Class) ((Enum<?>) values.fallback()).getDeclaringClass());
    }

    @SuppressWarnings("unchecked") // The fallback is of the type that its kind names.
    private static <T> ConfigOption<T> option(
            TypedConfigOptionBuilder<T> typed, Object fallback, Setting setting) {
        ConfigOption<T> option =
                fallback == null ? typed.noDefaultValue() : typed.defaultValue((T) fallback);
        return option.withDescription(
                PipelineOption.say(OptionNames.CONFIGURATION, setting.description()));
    }
}
