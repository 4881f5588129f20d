package io.millrace.schemas;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

@AnalyzeClasses(packages = "io.millrace", importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {
    private static final String ROOT = "io.millrace.schemas";

    @ArchTest
    static final ArchRule theContractNeedsAvroAndJacksonOnly =
            classes()
                    .should()
                    .onlyDependOnClassesThat()
                    .resideInAnyPackage(
                            "java..",
                            "javax.net.ssl..",
                            ROOT + "..",
                            "org.apache.avro..",
                            "com.fasterxml.jackson..");

    @ArchTest
    static final ArchRule recordsKnowNoCodec =
            classes()
                    .that()
                    .resideInAPackage(ROOT)
                    .should()
                    .onlyDependOnClassesThat()
                    .resideInAnyPackage(ROOT, "java..", "org.apache.avro..");

    @ArchTest
    static final ArchRule textKnowsTheJdkOnly =
            classes()
                    .that()
                    .resideInAPackage(ROOT + ".text")
                    .should()
                    .onlyDependOnClassesThat()
                    .resideInAnyPackage(ROOT + ".text", "java..");
}
