extension Page {
    /// Text and links have a contrast of 7 to 1 or more, in light and in dark; print is always light.
    static let style = """
        :root{color-scheme:light dark;--ink:#1b1b1b;--soft:#4a4a4a;--paper:#fff;--line:#767676;\
        --fill:#f3f3f3;--link:#0b4a8f;--ground:#2c7a44;--stop:#a83a3a;--duty:#2b62a8}
        @media screen and (prefers-color-scheme:dark){:root{--ink:#f0f0f0;--soft:#c8c8c8;\
        --paper:#161616;--line:#8f8f8f;--fill:#232323;--link:#9cc8ff;--ground:#59c27a;\
        --stop:#e58a8a;--duty:#7fb0ee}}
        *{box-sizing:border-box}
        body{margin:0;background:var(--paper);color:var(--ink);font:1rem/1.55 system-ui,\
        "Noto Sans","Noto Sans Thai",sans-serif;overflow-wrap:break-word}
        main{max-width:50rem;margin:0 auto;padding:1.25rem}
        h1{font-size:1.6rem;line-height:1.25;margin:.2rem 0 1rem}
        h2{font-size:1.25rem;margin:2rem 0 .6rem;border-bottom:1px solid var(--line);\
        padding-bottom:.2rem}
        h3{font-size:1rem;margin:0 0 .3rem}
        a{color:var(--link)}
        a:focus-visible,[tabindex]:focus-visible{outline:3px solid var(--link);outline-offset:2px}
        nav ul{display:flex;flex-wrap:wrap;gap:.25rem 1.1rem;padding:0;list-style:none}
        code{font:.9em ui-monospace,"Noto Sans Mono",monospace;overflow-wrap:anywhere}
        b.t{font-weight:600}
        article{margin:.9rem 0;padding:.7rem .9rem;background:var(--fill);\
        border-left:5px solid var(--line)}
        article.ground{border-left-color:var(--ground)}
        article.prohibition{border-left-color:var(--stop);border-left-style:double}
        article.duty{border-left-color:var(--duty);border-left-style:dashed}
        article p,article ul{margin:.3rem 0}
        .cite{color:var(--soft);font-size:.92rem}
        .wide{overflow-x:auto}
        table{border-collapse:collapse;width:100%}
        th,td{border:1px solid var(--line);padding:.35rem .5rem;text-align:left;vertical-align:top;\
        font-weight:400}
        thead th{font-weight:600;background:var(--fill)}
        figure{margin:1rem 0;overflow-x:auto}
        figure svg{display:block;width:100%;min-width:22rem;max-width:42rem;height:auto}
        .sign{display:none}
        @page{size:A4;margin:18mm 16mm}
        @media print{html{font-size:10.5pt}main{max-width:none;padding:0}nav{display:none}
        article,figure,tr,.sign{break-inside:avoid}h2,h3,h2+p{break-after:avoid}
        article{background:none;border:1px solid var(--line);border-left-width:5px}
        .wide,figure{overflow:visible}figure svg{max-width:150mm}
        a{color:inherit}.sign{display:block}.sign td{height:14mm;width:25%}}
        """
}
