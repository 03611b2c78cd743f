import ArgumentParser
import SelatCore
import SelatPolicy

struct PolicyMatrixVerb: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "matrix",
        abstract: "Show who may send to whom, for given facts, and why not.",
        discussion: """
            Rows send, columns receive. Each field has a sign: + permitted, A permitted
            after approval, ? facts are missing, x refused; the reasons stand below.
            Without options the dataset is not personal, unclassified and for the public's
            benefit. Needs no daemon.

            Examples:
              selat policy matrix
              selat policy matrix Policies --personal-data yes --facts facts.json
              selat policy matrix --purpose selat:Defence --label restricted \\
                --svg > matrix.svg
            """)

    @Argument(help: "The folder with the policy files.")
    var directory: String = "Policies"

    @OptionGroup var facts: FactOptions
    @OptionGroup var output: PageOptions

    @Flag(help: "Print a picture, as SVG.")
    var svg = false

    func run() async throws {
        let files = try PolicyFolder.read(directory)
        let set = try PolicySet.load(files: files, signed: Set(facts.signed))
        let matrix = try PolicyMatrix(set, try facts.question(), sector: facts.sector)
        let texts = PolicyTexts(files)
        if output.json { return Terminal.result(matrix.json) }
        if svg {
            return Terminal.result(matrix.svg(set, texts, language: output.lang))
        }
        output.show(Page.matrix(matrix, of: set, texts, language: output.lang))
    }
}
