package io.millrace.operators;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.importer.ImportOption.DoNotIncludeTests;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

/** Holds the module's picture: what it may see, and what may be seen of it. */
@AnalyzeClasses(packages = "io.millrace.operators", importOptions = DoNotIncludeTests.class)
class ArchitectureTest {

    @ArchTest
    static final ArchRule nothingOutsideTheEngineSeesItsParts =
            noClasses()
                    .should()
                    .dependOnClassesThat()
                    .resideInAnyPackage("io.millrace.gpu.*..", "jcuda..");

    @ArchTest
    static final ArchRule nothingLeavesTheFirstLaw =
            noClasses()
                    .should()
                    .dependOnClassesThat()
                    .haveFullyQualifiedName("io.millrace.gpu.FreeNumerics");

    @ArchTest
    static final ArchRule theOperatorsDoNotKnowKafka =
            noClasses()
                    .that()
                    .resideInAPackage("io.millrace.operators")
                    .should()
                    .dependOnClassesThat()
                    .resideInAnyPackage(
                            "org.apache.kafka..",
                            "org.apache.flink.connector.kafka..",
                            "io.millrace.operators.kafka..");

    @ArchTest
    static final ArchRule packagesHaveNoCycles =
            slices().matching("io.millrace.(**)").should().beFreeOfCycles();

    @ArchTest
    static final ArchRule operatorsAndTheirFactoriesAreHidden =
            classes()
                    .that()
                    .haveSimpleNameEndingWith("Operator")
                    .or()
                    .haveSimpleNameEndingWith("OperatorFactory")
                    .should()
                    .bePackagePrivate();

    @ArchTest
    static final ArchRule nothingGoesThroughKryo =
            noClasses().should().dependOnClassesThat().resideInAnyPackage("com.esotericsoftware..");
}
