// formulas as Markdown marked them, and nothing else on the page
window.MathJax = {
  tex2jax: {inlineMath: [["\\(", "\\)"]], displayMath: [["\\[", "\\]"]], ignoreClass: ".*", processClass: "arithmatex"},
  "HTML-CSS": {availableFonts: [], webFont: "STIX-Web", imageFont: null, linebreaks: {automatic: true}, scale: 92},
  menuSettings: {zoom: "None"}, showMathMenu: false, messageStyle: "none"
};
