package io.millrace.jobs.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.gpu.api.EngineOption;
import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.OptionNames;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

class EngineArgumentsTest {
    @Test
    void everyOptionOfTheEngineIsOneOfTheCommandLine() {
        CommandLine line = new CommandLine(new EngineArguments());
        for (EngineOption option : EngineOption.values()) {
            String flag = option.setting().names().flag();
            assertThat(line.getCommandSpec().findOption(flag)).as(flag).isNotNull();
        }
    }

    @Test
    void defaultsAreThoseOfTheLibraryAndErrorsNameFlags() {
        EngineArguments arguments = Arguments.parse(new EngineArguments(), "--model=folder/m");
        assertThat(arguments.options())
                .isEqualTo(EngineOptions.of("folder/m").withNames(OptionNames.COMMAND_LINE));
    }
}
