// Shows the `x-codeSamples` of an operation above its responses. Served to the browser as it is.
(() => {
  const start = window.SwaggerUIBundle;

  const plugin = ({ React }) => {
    const element = React.createElement;

    function Samples({ samples }) {
      const [chosen, choose] = React.useState(0);
      const tabs = samples.map(({ label }, index) =>
        element(
          'button',
          {
            key: label,
            type: 'button',
            role: 'tab',
            className: `btn${index === chosen ? ' execute' : ''}`,
            'aria-selected': index === chosen,
            onClick: () => choose(index),
          },
          label,
        ),
      );
      return element(
        'div',
        { className: 'code-sample responses-inner' },
        element('h4', null, 'Code samples'),
        element('div', { role: 'tablist', 'aria-label': 'Language' }, tabs),
        element('pre', { className: 'microlight', style: { textWrap: 'wrap' } }, samples[chosen].source),
      );
    }

    const aboveResponses = (Responses) => (props) => {
      const place = ['paths', props.path, props.method, 'x-codeSamples'];
      const samples = props.specSelectors.specJson().getIn(place)?.toJS() ?? [];
      const shown = samples.length === 0 ? null : element(Samples, { samples });
      return element(React.Fragment, null, shown, element(Responses, props));
    };
    return { wrapComponents: { responses: aboveResponses } };
  };

  const withSamples = (config) => start({ ...config, plugins: [...config.plugins, plugin] });
  window.SwaggerUIBundle = Object.assign(withSamples, start);
})();
