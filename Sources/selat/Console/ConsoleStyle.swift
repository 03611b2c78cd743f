/// The console's one style sheet. Text has a contrast of 7 to 1 or more on its ground, in light and
/// in dark; no state is told by colour alone.
enum ConsoleStyle {
    static let sheet = """
        :root{color-scheme:light dark;--ink:#1a1c1e;--soft:#44494e;--paper:#fff;--fill:#f2f4f6;
        --line:#6f7780;--hair:#d5dade;--link:#0a4580;--good:#17562b;--wait:#6b4300;--bad:#8c1d1d;
        --warn:#fff6df}
        @media (prefers-color-scheme:dark){:root{--ink:#eceff1;--soft:#c3c9ce;--paper:#14171a;
        --fill:#1e2327;--line:#8d969e;--hair:#39414a;--link:#9ccaff;--good:#8fd6a3;--wait:#f2c572;
        --bad:#ffb0aa;--warn:#2c2514}}
        *{box-sizing:border-box}
        html{font:100%/1.5 system-ui,"Noto Sans",sans-serif}
        body{margin:0;background:var(--paper);color:var(--ink);overflow-wrap:anywhere}
        a{color:var(--link)}
        a:focus-visible,summary:focus-visible,.wide:focus-visible{outline:3px solid var(--link);
        outline-offset:2px}
        .skip{position:absolute;left:-99rem}.skip:focus{left:.5rem;top:.5rem;padding:.5rem;
        background:var(--paper)}
        header{background:var(--fill);border-bottom:1px solid var(--hair);padding:.6rem 1.2rem}
        header p{margin:0;display:flex;flex-wrap:wrap;gap:.2rem 1rem;align-items:baseline}
        header strong{font-size:1.15rem}
        nav ul{list-style:none;display:flex;flex-wrap:wrap;gap:.1rem .3rem;margin:.4rem 0 0;padding:0}
        nav a{display:block;padding:.35rem .7rem;border-radius:.4rem;text-decoration:none}
        nav a:hover{text-decoration:underline}
        nav a[aria-current]{background:var(--ink);color:var(--paper);font-weight:600}
        main{max-width:78rem;margin:0 auto;padding:1rem 1.2rem 3rem}
        footer{max-width:78rem;margin:0 auto;padding:0 1.2rem 2rem;color:var(--soft);font-size:.9rem}
        h1{font-size:1.5rem;line-height:1.25;margin:.4rem 0 1rem}
        h2,caption{font-size:1.1rem;font-weight:600;text-align:left;margin:1.8rem 0 .5rem;padding:0}
        caption{padding-bottom:.5rem}
        h3{font-size:1rem;margin:1rem 0 .3rem}
        .wide{overflow-x:auto;margin:1.6rem 0}
        table{border-collapse:collapse;width:100%;overflow-wrap:normal}
        th,td{padding:.45rem .8rem .45rem 0;text-align:left;vertical-align:top;font-weight:400;
        border-bottom:1px solid var(--hair)}
        thead th{font-weight:600;color:var(--soft);border-bottom-color:var(--line);font-size:.92rem}
        td time,th code,.id,[data-heading=size],[data-heading=way],[data-heading=from],
        [data-heading="held by"]{white-space:nowrap}
        code,pre,.id{font:.9em ui-monospace,"Noto Sans Mono",monospace}
        pre{background:var(--fill);padding:.8rem;border-radius:.4rem;overflow-x:auto;
        white-space:pre-wrap;overflow-wrap:anywhere}
        dl{display:grid;grid-template-columns:max-content 1fr;gap:.3rem 1.2rem;margin:.5rem 0}
        dt{color:var(--soft)}dd{margin:0}
        .good,.wait,.bad{font-weight:600}
        .good{color:var(--good)}.wait{color:var(--wait)}.bad{color:var(--bad)}
        .warnings{background:var(--warn);border-left:5px solid var(--wait);padding:.6rem 1rem;
        margin:1rem 0}
        .warnings h2{margin:0 0 .3rem}.warnings ul{margin:0;padding-left:1.2rem}
        .cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(15rem,1fr));gap:1rem;
        margin:1rem 0}
        .cards section{background:var(--fill);border-radius:.5rem;padding:.8rem 1rem}
        .cards h2{margin:0 0 .4rem}
        .cards p{margin:.2rem 0}
        .timeline{list-style:none;padding:0;margin:.5rem 0 0;border-left:3px solid var(--line)}
        .timeline li{padding:.25rem 0 .25rem 1rem}
        .timeline time{color:var(--soft);margin-right:.6rem}
        .matrix table{width:auto}
        .matrix th,.matrix td{padding:.3rem;text-align:center;min-width:2.4rem;
        border:1px solid var(--hair)}
        .map{width:100%;max-width:52rem;height:auto;display:block;background:var(--fill);
        border-radius:.5rem}
        .map text{font:600 14px system-ui,"Noto Sans",sans-serif;fill:var(--ink);text-anchor:middle}
        .map .note{font-weight:400;font-size:12px;fill:var(--soft)}
        .map text{paint-order:stroke;stroke:var(--fill);stroke-width:4px}
        .map .code{stroke:none}
        .map .absent circle{stroke:var(--hair)}
        .map .absent text{font-weight:400;font-size:12px;fill:var(--soft)}
        .map line{stroke:var(--good);stroke-width:2.5}
        .map line.away{stroke:var(--bad);stroke-dasharray:3 7}
        .map circle{fill:var(--paper);stroke:var(--line);stroke-width:2}
        .map .own circle{fill:var(--ink);stroke:var(--ink)}
        .map .own text.code{fill:var(--paper)}
        .map .cut circle{stroke:var(--bad);stroke-dasharray:3 3}
        @media (max-width:46rem){
        main,header{padding-left:.8rem;padding-right:.8rem}
        .wide:not(.matrix) thead{position:absolute;left:-99rem}
        .wide:not(.matrix) tr{display:block;padding:.6rem 0;border-bottom:1px solid var(--line)}
        .wide:not(.matrix) th,.wide:not(.matrix) td{display:grid;grid-template-columns:8rem 1fr;
        gap:.6rem;border:0;padding:.15rem 0}
        .wide:not(.matrix) td:empty{display:none}
        .wide:not(.matrix) th::before,.wide:not(.matrix) td::before{content:attr(data-heading);
        color:var(--soft);font-weight:400}
        .wide:not(.matrix) :is(td,th),td time,th code,.id{white-space:normal}
        dl{grid-template-columns:1fr;gap:0}dd{margin:0 0 .5rem}}
        @media print{nav,.skip{display:none}}

        """
}
