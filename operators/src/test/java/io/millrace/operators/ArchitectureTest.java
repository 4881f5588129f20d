package io.millrace.operators;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ImportOption.DoNotIncludeTests;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import io.millrace.gpu.Rooms;
import io.millrace.gpu.SourceFiles;
import java.io.IOException;

/** Holds the module's picture: its rooms, in order, and what each may know of other modules. */
@AnalyzeClasses(packages = "io.millrace.operators", importOptions = DoNotIncludeTests.class)
class ArchitectureTest {
    private static final String ROOT = "io.millrace.operators";

    private static final Rooms ROOMS =
            Rooms.of(
                    ROOT,
                    "",
                    "corpus",
                    "corpus.output",
                    "corpus.file",
                    "corpus.format.parquet",
                    "corpus.format.openai",
                    "corpus.format.text",
                    "corpus.format.compression",
                    "corpus.format",
                    "hop",
                    "batch",
                    "inference",
                    "metric",
                    "dedupe",
                    "fault",
                    "valve",
                    "kafka",
                    "kafka.input",
                    "kafka.sink",
                    "kafka.admin",
                    "kafka.source",
                    "options",
                    "request",
                    "tool",
                    "record",
                    "event",
                    "request.openai",
                    "saved");

    @ArchTest static final ArchRule arrowsRunDown = ROOMS.arrowsRunDown();

    @ArchTest static final ArchRule aRoomIsSmall = ROOMS.hold(18);

    @ArchTest
    static void aSourceFileIsShort(JavaClasses all) throws IOException {
        assertThat(SourceFiles.longerThan(400)).isEmpty();
    }

    @ArchTest
    static final ArchRule nothingOutsideTheEngineSeesItsParts =
            noClasses()
                    .should()
                    .dependOnClassesThat()
                    .resideInAnyPackage(
                            "io.millrace.gpu.bench..",
                            "io.millrace.gpu.device..",
                            "io.millrace.gpu.model..",
                            "io.millrace.gpu.program..",
                            "io.millrace.gpu.sampling..",
                            "io.millrace.gpu.schedule..",
                            "io.millrace.gpu.tensor..",
                            "io.millrace.gpu.text..",
                            "jcuda..");

    @ArchTest
    static final ArchRule nothingLeavesTheFirstLaw =
            noClasses()
                    .should()
                    .dependOnClassesThat()
                    .haveFullyQualifiedName("io.millrace.gpu.engine.FreeNumerics");

    @ArchTest
    static final ArchRule theOperatorsDoNotKnowKafka =
            noClasses()
                    .that()
                    .resideOutsideOfPackage(ROOT + ".kafka..")
                    .should()
                    .dependOnClassesThat()
                    .resideInAnyPackage(
                            "org.apache.kafka..",
                            "org.apache.flink.connector.kafka..",
                            ROOT + ".kafka..");

    @ArchTest
    static final ArchRule operatorsAreHidden =
            classes().that().haveSimpleNameEndingWith("Operator").should().bePackagePrivate();

    @ArchTest
    static final ArchRule nothingGoesThroughKryo =
            noClasses().should().dependOnClassesThat().resideInAnyPackage("com.esotericsoftware..");
}
