package io.millrace.gpu;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import com.tngtech.archunit.library.dependencies.SliceAssignment;
import com.tngtech.archunit.library.dependencies.SliceIdentifier;
import java.util.Set;

/**
 * Holds the module's picture. Its public values stand in {@code io.millrace.gpu}, beside the
 * engine, so that users import one package; for the rules they are a layer of their own at the very
 * bottom, which backends, models and text may use, while none of these may know the engine.
 */
@AnalyzeClasses(packages = "io.millrace.gpu", importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {
    private static final String ROOT = "io.millrace.gpu";

    /** What requests, results and settings are made of. */
    private static final Set<String> VALUES =
            Set.of(
                    "ChatPrompt",
                    "ChatTurn",
                    "EngineOptions",
                    "EngineStats",
                    "FingerprintParts",
                    "FinishReason",
                    "GenerationRequest",
                    "GenerationResult",
                    "KernelTiming",
                    "LoadProgress",
                    "ModelInfo",
                    "RequestRejectedException",
                    "SamplingParameters",
                    "Tokenizer");

    private static final DescribedPredicate<JavaClass> A_VALUE =
            DescribedPredicate.describe("a value", ArchitectureTest::isValue);

    private static final DescribedPredicate<JavaClass> THE_ENGINE =
            DescribedPredicate.describe(
                    "the engine",
                    c -> c.getBaseComponentType().getPackageName().equals(ROOT) && !isValue(c));

    private static boolean isValue(JavaClass type) {
        JavaClass c = type.getBaseComponentType();
        if (!c.getPackageName().equals(ROOT)) {
            return false;
        }
        String name = c.getName().substring(ROOT.length() + 1);
        int nested = name.indexOf('$');
        return VALUES.contains(nested < 0 ? name : name.substring(0, nested));
    }

    @ArchTest
    static final ArchRule noCycles =
            slices().assignedFrom(
                            new SliceAssignment() {
                                @Override
                                public SliceIdentifier getIdentifierOf(JavaClass c) {
                                    return isValue(c)
                                            ? SliceIdentifier.of("values")
                                            : SliceIdentifier.of(c.getPackageName());
                                }

                                @Override
                                public String getDescription() {
                                    return "packages, and the values as one of their own";
                                }
                            })
                    .should()
                    .beFreeOfCycles();

    @ArchTest
    static final ArchRule valuesKnowOnlyValues =
            classes()
                    .that(A_VALUE)
                    .should()
                    .onlyDependOnClassesThat(
                            A_VALUE.or(JavaClass.Predicates.resideInAnyPackage("java..")));

    @ArchTest
    static final ArchRule nothingBelowKnowsTheEngine =
            noClasses()
                    .that()
                    .resideInAnyPackage(ROOT + ".*..")
                    .should()
                    .dependOnClassesThat(THE_ENGINE);

    @ArchTest
    static final ArchRule theScheduleKnowsTheJdkOnly =
            classes()
                    .that()
                    .resideInAPackage(ROOT + ".schedule")
                    .should()
                    .onlyDependOnClassesThat()
                    .resideInAnyPackage(ROOT + ".schedule", "java..");

    @ArchTest
    static final ArchRule textKnowsNoModelAndNoBackend =
            noClasses()
                    .that()
                    .resideInAPackage(ROOT + ".text")
                    .should()
                    .dependOnClassesThat()
                    .resideInAnyPackage(
                            ROOT + ".backend..",
                            ROOT + ".model..",
                            ROOT + ".schedule..",
                            ROOT + ".tensor..");

    @ArchTest
    static final ArchRule onlyTextKnowsTheTokenizerLibrary =
            noClasses()
                    .that()
                    .resideOutsideOfPackage(ROOT + ".text")
                    .should()
                    .dependOnClassesThat()
                    .resideInAnyPackage("ai.djl..");

    @ArchTest
    static final ArchRule onlyTheCudaBackendKnowsJCuda =
            noClasses()
                    .that()
                    .resideOutsideOfPackage(ROOT + ".backend.cuda..")
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
