package io.millrace.jobs;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import io.millrace.gpu.Rooms;
import io.millrace.gpu.SourceFiles;
import java.io.IOException;

/** Holds the module's picture: its rooms, in order, and what each may know of other modules. */
@AnalyzeClasses(packages = "io.millrace.jobs", importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {
    private static final String ROOT = "io.millrace.jobs";

    private static final Rooms ROOMS =
            Rooms.of(
                    ROOT,
                    "",
                    "bench",
                    "bench.result",
                    "verify",
                    "top",
                    "demo",
                    "init",
                    "corpus",
                    "stream",
                    "watch",
                    "chaos",
                    "chaos.fault",
                    "chaos.cluster",
                    "chaos.check",
                    "local",
                    "cli.job",
                    "cli.config",
                    "cli");

    @ArchTest static final ArchRule arrowsRunDown = ROOMS.arrowsRunDown();

    @ArchTest static final ArchRule aRoomIsSmall = ROOMS.hold(18);

    @ArchTest
    static void aSourceFileIsShort(JavaClasses all) throws IOException {
        assertThat(SourceFiles.longerThan(400)).isEmpty();
    }

    @ArchTest
    static final ArchRule programsKnowTheEngineByItsContractOnly =
            noClasses()
                    .should()
                    .dependOnClassesThat()
                    .resideInAnyPackage(
                            "io.millrace.gpu.device..",
                            "io.millrace.gpu.model..",
                            "io.millrace.gpu.program..",
                            "io.millrace.gpu.sampling..",
                            "io.millrace.gpu.schedule..",
                            "io.millrace.gpu.tensor..",
                            "io.millrace.gpu.text..",
                            "jcuda..",
                            "ai.djl..");

    @ArchTest
    static final ArchRule onlyBenchLeavesTheFirstLaw =
            noClasses()
                    .that()
                    .resideOutsideOfPackage(ROOT + ".bench..")
                    .should()
                    .dependOnClassesThat()
                    .haveFullyQualifiedName("io.millrace.gpu.engine.FreeNumerics");

    @ArchTest
    static final ArchRule onlyTheEntryKnowsTheBench =
            noClasses()
                    .that()
                    .resideOutsideOfPackages(ROOT, ROOT + ".bench..")
                    .should()
                    .dependOnClassesThat()
                    .resideInAPackage(ROOT + ".bench..");

    @ArchTest
    static final ArchRule theBrokerIsInOneRoom =
            noClasses()
                    .that()
                    .resideOutsideOfPackage(ROOT + ".local")
                    .should()
                    .dependOnClassesThat()
                    .resideInAnyPackage("kafka..", "org.apache.kafka.server..");

    @ArchTest
    static final ArchRule chaosJudgesFromOutside =
            noClasses()
                    .that()
                    .resideInAPackage(ROOT + ".chaos..")
                    .should()
                    .dependOnClassesThat()
                    .resideInAnyPackage(
                            ROOT,
                            ROOT + ".cli..",
                            ROOT + ".stream..",
                            "io.millrace.operators.inference..",
                            "io.millrace.operators.record..",
                            "io.millrace.gpu..");
}
