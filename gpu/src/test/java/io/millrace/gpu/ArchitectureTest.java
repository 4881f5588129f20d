package io.millrace.gpu;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import java.io.IOException;

/** Holds the module's picture: its rooms, in order, and what each may know of other libraries. */
@AnalyzeClasses(packages = "io.millrace.gpu", importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {
    private static final String ROOT = "io.millrace.gpu";

    private static final Rooms ROOMS =
            Rooms.of(
                    ROOT,
                    "session",
                    "bench",
                    "engine",
                    "device.cpu",
                    "device.cuda.timing",
                    "device.cuda",
                    "device.cuda.step",
                    "device.cuda.kernel",
                    "device.cuda.struct",
                    "device.cuda.driver",
                    "model",
                    "model.family",
                    "device",
                    "program",
                    "tool",
                    "sampling",
                    "sampling.constraint",
                    "sampling.grammar",
                    "sampling.grammar.mask",
                    "sampling.grammar.position",
                    "sampling.grammar.schema",
                    "sampling.grammar.shape",
                    "sampling.grammar.regex",
                    "sampling.grammar.automaton",
                    "sampling.grammar.token",
                    "schedule",
                    "speculation",
                    "prompt",
                    "text.jinja",
                    "text.jinja.render",
                    "text.jinja.syntax",
                    "text.jinja.value",
                    "text",
                    "model.quantization",
                    "model.folder",
                    "tensor",
                    "api",
                    "api.constraint",
                    "common");

    @ArchTest static final ArchRule arrowsRunDown = ROOMS.arrowsRunDown();

    @ArchTest static final ArchRule aRoomIsSmall = ROOMS.hold(18);

    @ArchTest
    static void aSourceFileIsShort(JavaClasses all) throws IOException {
        assertThat(SourceFiles.longerThan(400, "CpuBackend", "CudaBackend")).isEmpty();
    }

    @ArchTest
    static final ArchRule theApiAndTheScheduleKnowTheJdkOnly =
            classes()
                    .that()
                    .resideInAnyPackage(ROOT + ".api..", ROOT + ".schedule", ROOT + ".common")
                    .should()
                    .onlyDependOnClassesThat()
                    .resideInAnyPackage(
                            ROOT + ".api..", ROOT + ".schedule", ROOT + ".common", "java..");

    @ArchTest
    static final ArchRule grammarsKnowTheJdkAndJsonOnly =
            classes()
                    .that()
                    .resideInAPackage(ROOT + ".sampling.grammar..")
                    .should()
                    .onlyDependOnClassesThat()
                    .resideInAnyPackage(
                            ROOT + ".sampling.grammar..", "com.fasterxml.jackson..", "java..");

    @ArchTest
    static final ArchRule theDevicesDoNotKnowEachOther =
            noClasses()
                    .that()
                    .resideInAPackage(ROOT + ".device.cpu..")
                    .should()
                    .dependOnClassesThat()
                    .resideInAPackage(ROOT + ".device.cuda..");

    @ArchTest
    static final ArchRule textKnowsNoTensor =
            noClasses()
                    .that()
                    .resideInAPackage(ROOT + ".text..")
                    .should()
                    .dependOnClassesThat()
                    .resideInAPackage(ROOT + ".tensor..");

    @ArchTest
    static final ArchRule onlyTextKnowsTheTokenizerLibrary =
            noClasses()
                    .that()
                    .resideOutsideOfPackage(ROOT + ".text")
                    .should()
                    .dependOnClassesThat()
                    .resideInAnyPackage("ai.djl..");

    @ArchTest
    static final ArchRule onlyTheCudaDeviceKnowsJCuda =
            noClasses()
                    .that()
                    .resideOutsideOfPackage(ROOT + ".device.cuda..")
                    .should()
                    .dependOnClassesThat()
                    .resideInAnyPackage("jcuda..");

    /** It holds the array for the length of the call, and a copy behind the call would race. */
    @ArchTest
    static final ArchRule noPointersToArrays =
            noClasses()
                    .should()
                    .callMethodWhere(
                            DescribedPredicate.describe(
                                    "a pointer to an array is made",
                                    call ->
                                            call.getTargetOwner().getName().equals("jcuda.Pointer")
                                                    && call
                                                            .getTarget()
                                                            .getRawParameterTypes()
                                                            .stream()
                                                            .anyMatch(
                                                                    ArchitectureTest::isNumbers)));

    private static boolean isNumbers(JavaClass type) {
        return type.isArray() && type.getComponentType().isPrimitive();
    }

    @ArchTest
    static final ArchRule noFlink =
            noClasses().should().dependOnClassesThat().resideInAnyPackage("org.apache.flink..");
}
