package io.millrace.jobs.cli;

import io.millrace.gpu.api.EngineOption;
import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.EngineOptions.AddBos;
import io.millrace.gpu.api.EngineOptions.LoadFormat;
import io.millrace.gpu.api.OptionNames;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;

/** The model and engine options: the engine's own table. */
public final class EngineArguments {
    private final Map<EngineOption, Object> given = new EnumMap<>(EngineOption.class);

    @Mixin
    private final CommandSpec table =
            Arguments.table(List.of(EngineOption.values()), EngineOption::setting, given);

    /** Whether a prompt begins with the model's bos token. */
    public static final class BosArgument {
        public AddBos addBos;

        @Mixin
        private final CommandSpec row =
                Arguments.row(EngineOption.ADD_BOS.setting(), value -> addBos = (AddBos) value);
    }

    /** The options, ranges checked. */
    public EngineOptions options() {
        Arguments.check(given, EngineOption::setting);
        return EngineOptions.of(given, OptionNames.COMMAND_LINE);
    }

    /** Warns that answers are noise with dummy weights. */
    public void warnOfNoise(Progress progress) {
        LoadFormatArgument.warn((LoadFormat) given.get(EngineOption.LOAD_FORMAT), progress);
    }

    /** Refuses a folder that is no model, by its file names. */
    public void checkFolder() {
        Path model = Path.of((String) given.get(EngineOption.MODEL));
        if (!Files.isDirectory(model)) {
            throw new CommandFailedException(
                    "There is no model folder "
                            + model
                            + ": give --model a folder with config.json, tokenizer.json and"
                            + " model.safetensors.");
        }
        if (!Files.isRegularFile(model.resolve("config.json"))) {
            throw new CommandFailedException(
                    "The model folder "
                            + model
                            + " has no config.json: give --model a folder in Hugging Face form.");
        }
    }
}
