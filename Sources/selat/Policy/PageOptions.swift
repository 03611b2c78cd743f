import ArgumentParser
import SelatCore
import SelatPolicy

/// How an explanation is printed.
struct PageOptions: ParsableArguments {
    enum Format: String, ExpressibleByArgument, CaseIterable { case text, markdown, html }

    @Option(help: "text, markdown or html.")
    var format: Format = .text

    @Flag(help: "The same as --format html: one page that needs nothing from elsewhere.")
    var html = false

    @Flag(help: "Print one JSON document instead of text.")
    var json = false

    @Option(help: "The language of the vocabulary's wordings: en, ms, id, vi or th.")
    var lang: Language = .en

    func validate() throws {
        if html, format == .markdown { throw ValidationError("--html and --format markdown") }
    }

    /// - Parameter marked: the country that the page is about.
    func show(_ page: Page, marked: Country? = nil) {
        if json {
            Terminal.result(page.json)
        } else if html || format == .html {
            Terminal.result(page.html(marked: marked))
        } else {
            Terminal.result(format == .markdown ? page.markdown : page.text)
        }
    }
}

extension Language: ExpressibleByArgument {}
extension Sector: ExpressibleByArgument {}
